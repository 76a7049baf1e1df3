import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { ANY_SECRET, type Sandbox, type SandboxEnv, type SandboxKit } from "../sandbox.ts";
import { rawChunks } from "../sandbox-receive.ts";
import type { StoredContent } from "../sandbox-store.ts";

const MEBIBYTE = 1_048_576;
/** What the account may store before uploads are refused, in MiB. */
const QUOTA = 1024 * 1024;
/** What is left of it under the fault `small`. */
const SMALL_QUOTA = 1;
/** Validity of an action [D]. */
const ACTION_MS = 60_000;
const MAX_FORM = 64 * 1024;

const WRONG_LOGIN = { code: "0", result: "Email or password was incorrect!" };
const LOGIN_LIMIT = { code: "-3", result: "According to security reasons, you can't login a few minutes." };
const INVALID_IDENTITY = { ok: false, message: "Invalid identity provided" };

/** UploadGig as its page describes it: the page's own sample clients work with it, changed in address and login only. */
export const sandbox: Sandbox = {
  faults: {
    action: ["auth", "limit", "small", "locked"],
    upload: ["identity", "rejected", "wrong-size", "no-url", "no-ok"],
  },
  environment: (baseUrl) => ({
    HOIST_UPLOADGIG_URL: baseUrl,
    HOIST_UPLOADGIG_USER: "sandbox",
    HOIST_UPLOADGIG_PASSWORD: ANY_SECRET,
  }),
  app: createApp,
};

interface UploadedFile extends StoredContent {
  readonly name: string;
}

function createApp(kit: SandboxKit): Hono<SandboxEnv> {
  const files = new Map<string, UploadedFile>();
  const actions = createActions();
  let used = 0;

  return new Hono<SandboxEnv>()
    .post("/api/get_upload_action", bodyLimit({ maxSize: MAX_FORM }), kit.step("action"), async (c) => {
      const fault = c.get("fault");
      if (fault === "limit") return c.json(LOGIN_LIMIT);
      if (fault === "locked") return c.json({ code: "2", result: "Your account is locked." });
      // The samples send it url-encoded and, through PHP's array, as multipart.
      const { user, pass } = await c.req.parseBody();
      if (fault === "auth" || !isText(user) || !isText(pass) || pass === "wrong") return c.json(WRONG_LOGIN);
      const cmbs = fault === "small" ? SMALL_QUOTA : Math.max(0, Math.floor(QUOTA - used / MEBIBYTE));
      return c.json({ code: "1", result: { action: `${kit.origin()}/upload?identity=${actions.give()}`, cmbs } });
    })
    .post("/upload", kit.step("upload"), async (c) => {
      const known = actions.take(c.req.query("identity") ?? "");
      const stored = await kit.store.put(rawChunks(c.req.raw));
      const fault = c.get("fault");
      const refusal =
        !known || fault === "identity"
          ? INVALID_IDENTITY
          : fault === "rejected"
            ? { ok: false, message: "This file type is not allowed" }
            : null;
      if (refusal !== null) {
        await kit.store.remove(stored.key);
        return c.json({ 0: refusal });
      }
      const file = { ...stored, name: decodeSlug(c.req.header("slug") ?? "") };
      const id = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
      files.set(id, file);
      used += file.size;
      return c.json({ 0: spoil(entryOf(kit, id, file), fault) });
    })
    .get("/file/download/:id/:name", (c) => sendFile(c, kit, files.get(c.req.param("id"))));
}

function entryOf(kit: SandboxKit, id: string, file: UploadedFile) {
  return {
    file_name: file.name,
    url: `${kit.origin()}/file/download/${id}/${encodeURIComponent(file.name)}`,
    id,
    size: file.size,
    message: "Uploaded was successful, file will be available in a few minutes",
    ok: true,
  };
}

function spoil(entry: ReturnType<typeof entryOf>, fault: string | null): object {
  const { url, ok, ...rest } = entry;
  if (fault === "wrong-size") return { ...entry, size: entry.size + 1 };
  if (fault === "no-url") return { ok, ...rest };
  if (fault === "no-ok") return { url, ...rest };
  return entry;
}

function sendFile(c: Context<SandboxEnv>, kit: SandboxKit, file: UploadedFile | undefined) {
  return file === undefined ? c.notFound() : kit.store.download(file.key, file.name);
}

/** Every action is for one upload within a minute. */
function createActions() {
  const given = new Map<string, number>();
  return {
    give(): string {
      const identity = crypto.randomUUID().replaceAll("-", "");
      given.set(identity, performance.now());
      return identity;
    },
    take(identity: string): boolean {
      const since = given.get(identity);
      given.delete(identity);
      return since !== undefined && performance.now() - since <= ACTION_MS;
    },
  };
}

/** RFC 5023 §9.7, and the raw UTF-8 that PHP's sample sends; what is neither stays as it came. */
function decodeSlug(header: string): string {
  try {
    const text = decodeUtf8(Buffer.from(header, "latin1"));
    return /%(?![0-9A-Fa-f]{2})/.test(text) ? text : decodeURIComponent(text);
  } catch {
    return header;
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
