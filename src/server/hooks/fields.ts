import { AppError } from "../../errors.ts";
import type { Payload } from "./payload.ts";

/** The first text that stands under one of these names; letter case, `_` and `-` do not count. */
export type Fields = (...names: readonly string[]) => string | null;

/** For senders that are a command line of the user's own making. Fails with `usage` when there are no fields at all. */
export function readFields({ value }: Payload): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new AppError("usage", "the payload has no fields");
  }
  const texts = new Map<string, string>();
  for (const [key, member] of Object.entries(value)) {
    const text: unknown = Array.isArray(member) ? member[0] : member;
    if (typeof text === "string" && text !== "" && !texts.has(plain(key))) texts.set(plain(key), text);
  }
  return (...names) => {
    for (const name of names) {
      const text = texts.get(plain(name));
      if (text !== undefined) return text;
    }
    return null;
  };
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "");
}

/** `name` in `directory`; null when one is missing, or when the name, which strangers choose, is no single part. */
export function joinName(directory: string | null, name: string | null): string | null {
  if (directory === null || name === null || /^\.{1,2}$|[/\\]/.test(name)) return null;
  return `${directory}/${name}`;
}
