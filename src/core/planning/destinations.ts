import { AppError } from "../../errors.ts";
import { briefly } from "../../safe-text.ts";
import type { Account } from "../accounts/account.ts";
import { didYouMeanFirst } from "../nearest.ts";
import { assertPart } from "./names.ts";

export interface Destination {
  readonly account: Account;
  /** Absolute and NFC; null on a host without folders. */
  readonly folder: string | null;
}

/**
 * `--to` values as typed → destinations, each once, in order. A comma separates only before a known account's name
 * that is followed by `:`, `,` or the end, because folders may contain commas. Fails with `usage`.
 */
export function parseDestinations(
  values: readonly string[],
  accounts: ReadonlyMap<string, Account>,
): readonly Destination[] {
  const destinations = new Map<string, Destination>();
  for (const value of values.flatMap((typed) => splitList(typed, accounts))) {
    const destination = parseDestination(value, accounts);
    const key = `${destination.account.key}\0${destination.folder ?? ""}`;
    if (!destinations.has(key)) destinations.set(key, destination);
  }
  return [...destinations.values()];
}

/** Fails with `usage` where blocks are asked for of a host that takes files in one piece only. */
export function assertResumable(destinations: readonly Destination[], asked: "auto" | "always" | "never"): void {
  if (asked !== "always") return;
  const without = destinations.find(({ account }) => !account.host.features.resumable);
  if (without === undefined) return;
  const { name, host } = without.account;
  throw new AppError("usage", `${host.title} takes files in one piece only, but blocks are asked for to ${name}`, {
    hint: "leave --resumable always out: what can be sent in blocks is, where it pays",
  });
}

function splitList(typed: string, accounts: ReadonlyMap<string, Account>): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let comma = typed.indexOf(","); comma !== -1; comma = typed.indexOf(",", comma + 1)) {
    const name = /^([a-z0-9][a-z0-9-]*)(?=[:,]|$)/.exec(typed.slice(comma + 1))?.[1];
    if (name === undefined || !accounts.has(name)) continue;
    parts.push(typed.slice(start, comma));
    start = comma + 1;
  }
  parts.push(typed.slice(start));
  return parts;
}

function parseDestination(value: string, accounts: ReadonlyMap<string, Account>): Destination {
  const colon = value.indexOf(":");
  const name = colon === -1 ? value : value.slice(0, colon);
  const account = accounts.get(name);
  if (account === undefined) {
    throw new AppError("usage", `there is no account "${name}"`, {
      hint: `${didYouMeanFirst(name, accounts.keys())}known accounts: ${[...accounts.keys()].join(", ")}; add one with: hoist account add`,
    });
  }
  const typed = colon === -1 ? null : value.slice(colon + 1);
  if (!account.host.features.folders) {
    if (typed === null || typed === "") return { account, folder: null };
    throw new AppError("usage", `${account.host.title} has no folders, but "${value}" names one`, {
      hint: `write ${name} alone`,
    });
  }
  return { account, folder: normalizeFolder(typed ?? "/") };
}

/** `a//b/` → `/a/b`. Fails with `usage` on `.` and `..` parts and on names no host can take. */
export function normalizeFolder(typed: string): string {
  const parts = typed.split("/").filter((part) => part !== "");
  for (const part of parts) {
    if (part === "." || part === "..") {
      throw new AppError("usage", `the folder "${typed}" has a "${part}" part`, { hint: "write the folder out" });
    }
    assertPart(part, "usage", `a part of the folder "${briefly(typed)}"`);
  }
  return `/${parts.join("/").normalize("NFC")}`;
}

/** A folder below another, both as in `Destination.folder`. */
export function joinFolder(folder: string, below: readonly string[]): string {
  if (below.length === 0) return folder;
  const relative = below.map((part) => part.normalize("NFC")).join("/");
  return folder === "/" ? `/${relative}` : `${folder}/${relative}`;
}
