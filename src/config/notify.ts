import { AppError } from "../errors.ts";
import { type NotifySection, notifyName, type TextSpec } from "./notify-schema.ts";
import { type ConfigPlace, readSpec } from "./secret-source.ts";

/** A `[[notify]]` with its secrets in the clear. */
export interface NotifyTarget {
  readonly name: string;
  readonly on: NotifySection["on"];
  /** http or https, without user information; a bearer secret. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: NotifySection["body"];
  readonly json: NotifySection["json"];
}

/** Reads what the sections refer to. Fails with `config`, naming the key. */
export async function readNotifyTargets(
  sections: readonly NotifySection[],
  place: ConfigPlace,
): Promise<readonly NotifyTarget[]> {
  return Promise.all(sections.map((section, index) => readTarget(section, index, place)));
}

async function readTarget(section: NotifySection, index: number, place: ConfigPlace): Promise<NotifyTarget> {
  const key = `notify[${index}]`;
  const { url, authorization } = urlOf(`${key}.url`, await read(`${key}.url`, section.url, place));
  const headers = await Promise.all(
    Object.entries(section.headers).map(async ([name, spec]) => {
      const value = await read(`${key}.headers.${name}`, spec, place);
      if (/[^\t\x20-\x7e]/.test(value))
        throw new AppError("config", `${key}.headers.${name} has a forbidden character`);
      return [name, value] as const;
    }),
  );
  return {
    name: notifyName(section, index),
    on: section.on,
    url,
    headers: { ...authorization, ...Object.fromEntries(headers) },
    body: section.body,
    json: section.json,
  };
}

/** A login in the URL becomes the header that it stands for. */
function urlOf(key: string, text: string): { readonly url: string; readonly authorization: Record<string, string> } {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw new AppError("config", `${key} must be a URL such as https://ntfy.example/topic`);
  }
  const { username, password } = url;
  url.username = "";
  url.password = "";
  if (username === "" && password === "") return { url: url.href, authorization: {} };
  const login = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64");
  return { url: url.href, authorization: { Authorization: `Basic ${login}` } };
}

/** As it was written, if its percent signs mean nothing. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function read(key: string, spec: TextSpec, place: ConfigPlace): Promise<string> {
  if (spec.from === "plain") return spec.value;
  const value = await readSpec(key, spec, place);
  if (value !== null) return value.trim();
  throw new AppError("config", `${key}: its variable is not set`);
}
