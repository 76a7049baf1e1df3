import { hash, timingSafeEqual } from "node:crypto";
import type { ServeToken } from "../config/serve.ts";
import type { Scope } from "../config/serve-schema.ts";
import type { Root, Submitter } from "../core/serving/jobs.ts";

/** Who a request comes from, and what that one may do. */
export interface Grant {
  /** In the log, and the scope of idempotency keys. */
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
  readonly roots: readonly Root[];
}

export const NOBODY: Grant = { name: "nobody", scopes: new Set(), roots: [] };

/** Whoever can open the server's unix socket. */
export function socketGrant(roots: readonly Root[]): Grant {
  return { name: "socket", scopes: new Set(["submit", "read", "manage"]), roots };
}

export function submitterOf({ name, scopes, roots }: Grant): Submitter {
  return { name, hook: null, roots, mayDelete: scopes.has("delete") };
}

/** Whose an `Authorization` header is; null when nobody's. */
export type Doorman = (authorization: string | null) => Grant | null;

/** Digests of one length are compared, all of them each time: neither content nor length shows in the time it takes. */
export function createDoorman(tokens: readonly ServeToken[]): Doorman {
  const known = tokens.map(({ name, secret, scopes, roots }) => ({
    digest: digestOf(secret),
    grant: { name: `token:${name}`, scopes: new Set(scopes), roots },
  }));
  return (authorization) => {
    const given = /^bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? "")?.[1];
    if (given === undefined) return null;
    const digest = digestOf(given);
    const matches = known.filter((token) => timingSafeEqual(token.digest, digest));
    return matches[0]?.grant ?? null;
  };
}

function digestOf(secret: string): Buffer {
  return hash("sha256", secret, "buffer");
}
