import { AppError } from "../../errors.ts";
import type { Account } from "../accounts/account.ts";
import { didYouMeanFirst } from "../nearest.ts";
import { normalizeFolder } from "../planning/destinations.ts";

/** What a person means on a host: `account:/path`, or `account:id:ID` where a name is not enough. */
export interface Address {
  readonly account: Account;
  /** As typed. */
  readonly typed: string;
  /** Absolute and NFC; null when an id is meant. */
  readonly path: string | null;
  readonly id: string | null;
}

const ID = /^[A-Za-z0-9_.~-]{1,200}$/;

/** Fails with `usage`, before any call. */
export function parseAddress(typed: string, accounts: ReadonlyMap<string, Account>): Address {
  const colon = typed.indexOf(":");
  const name = colon === -1 ? typed : typed.slice(0, colon);
  const account = accounts.get(name);
  if (account === undefined) {
    throw new AppError("usage", `there is no account "${name}"`, {
      hint: `${didYouMeanFirst(name, accounts.keys())}write ACCOUNT:/PATH; known accounts: ${[...accounts.keys()].join(", ")}`,
    });
  }
  if (!account.host.features.folders) throw cannot(account);
  const rest = colon === -1 ? "/" : typed.slice(colon + 1);
  if (!rest.startsWith("id:")) return { account, typed, path: normalizeFolder(rest), id: null };
  const id = rest.slice("id:".length);
  if (ID.test(id) && id !== "." && id !== "..") return { account, typed, path: null, id };
  throw new AppError("usage", `"${id}" is no id`, { hint: "hoist ls -l shows the ids" });
}

/** The host has nothing to list or to move. */
export function cannot({ host }: Account): AppError {
  return new AppError("usage", `${host.title} does not let anybody look at what stands there`, {
    hint: "use an account on a host with folders",
  });
}

/** Parent and last part; null for the root. */
export function splitPath(path: string): { readonly parent: string; readonly name: string } | null {
  if (path === "/") return null;
  const slash = path.lastIndexOf("/");
  return { parent: slash === 0 ? "/" : path.slice(0, slash), name: path.slice(slash + 1) };
}

export function joinPath(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}
