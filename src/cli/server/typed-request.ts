import { stat } from "node:fs/promises";
import { inputErrorsOf } from "../../core/invalid-input.ts";
import type { AppError } from "../../errors.ts";

/** What of a request to queue was typed. */
export interface TypedRequest {
  readonly path: string;
  readonly to: readonly string[];
  readonly name?: string | undefined;
  readonly hook?: string | undefined;
  readonly recursive: boolean;
}

/** A server names what it refuses by its place in the request, and no more: here it is known what stands there. */
export async function inTypedWords(error: AppError, typed: TypedRequest): Promise<AppError> {
  for (const { path, message } of inputErrorsOf(error) ?? []) {
    const [, key = "", index] = /^(to|name|hook)(?:\[(\d+)\])?$/.exec(path) ?? [];
    if (key === "") continue;
    const value = key === "to" ? typed.to[Number(index)] : key === "name" ? typed.name : typed.hook;
    const option = value === undefined ? `--${key}` : `--${key} ${value}`;
    return error.with({ message: `${option} ${message}`, hint: hintAbout(key, value) });
  }
  if (typed.hook !== undefined && error.message.startsWith("the payload has no value")) {
    return error.with({
      hint: "to of that hook has places such as {payload.title}, which only its sender can fill in",
    });
  }
  // Every cause has the same words, lest they tell of files that may not be named.
  if (error.code !== "source" || typed.path === "-" || !error.message.startsWith("the path ")) return error;
  return error.with({ hint: await hintFor(typed) });
}

/** What stands here is the server's as well if that runs on this machine. */
async function hintFor({ path, recursive }: TypedRequest): Promise<string> {
  const isDirectory = await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (isDirectory && !recursive) return "it is a directory: what is in it is queued with -r";
  const instead = recursive ? "" : ", or send it from here with --send";
  return `the server takes what is below its roots ([serve] roots, HOIST_SERVE_ROOTS): name one there${instead}`;
}

function hintAbout(key: string, value: string | undefined): string | undefined {
  if (key === "hook") return "hoist hooks list, on the server's machine, shows them";
  if (key !== "to") return undefined;
  return value === undefined
    ? "name a destination, such as --to ulozto:/Movies"
    : "hoist account list, on the server's machine, shows what there is";
}
