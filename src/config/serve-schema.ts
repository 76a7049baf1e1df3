import { posix } from "node:path";
import * as v from "valibot";
import { FORMS, parseDuration, parseSize } from "../core/units.ts";
import { parseListen } from "./listen-address.ts";
import { secretSpec } from "./secret-spec.ts";
import { section } from "./section.ts";
import { filled, whole, written } from "./values.ts";

/** What a token may do. */
export const SCOPES = ["submit", "read", "manage", "delete"] as const;
export type Scope = (typeof SCOPES)[number];

const folder = v.pipe(filled, v.check(posix.isAbsolute, "must be an absolute path"));

/** A directory below which files may be named; with `write` they may also be deleted or moved. */
export type RootSpec = { readonly path: string; readonly write: boolean };

const root = v.lazy((input) =>
  typeof input === "object" && input !== null
    ? section({ path: folder, write: v.optional(v.boolean("must be true or false"), false) })
    : v.pipe(
        folder,
        v.transform((path): RootSpec => ({ path, write: false })),
      ),
) as v.GenericSchema<unknown, RootSpec>;

const roots = v.array(root, "must be a list of folders");

const token = section({
  name: v.pipe(
    filled,
    v.regex(
      /^[A-Za-z0-9][\w.-]{0,63}$/,
      "takes letters, digits, and any of _ . -, at most 64, a letter or digit first",
    ),
  ),
  secret: secretSpec,
  scopes: v.optional(
    v.pipe(
      v.array(v.picklist(SCOPES, `must be one of ${SCOPES.join(", ")}`), "must be a list of scopes"),
      v.minLength(1, "is empty"),
    ),
    ["submit", "read"],
  ),
  roots: v.optional(roots),
});
export type TokenSection = v.InferOutput<typeof token>;

/** A `Host` as a client sends it. */
export const HOST_HEADER = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;
const host = v.pipe(
  filled,
  v.regex(HOST_HEADER, "must be a host as clients write it, such as hoist.example or hoist:7411"),
);

const publicUrl = v.pipe(
  filled,
  v.check(
    (text) => URL.canParse(text) && /^https?:\/\/[^/?#@]+\/?$/i.test(text),
    "must be a URL without user, path or query, such as https://hoist.example",
  ),
  v.transform((text) => new URL(text).origin),
);

const octal = v.pipe(
  v.string("must be a text such as 0660"),
  v.regex(/^0?[0-7]{3}$/, "must be a text such as 0660"),
  v.transform((text) => Number.parseInt(text, 8)),
);

/** `[serve]`. */
export const serve = section({
  listen: v.optional(written(parseListen, "host:port, [address]:port or unix:/path")),
  socket_mode: v.optional(octal),
  parallel: v.optional(whole(1, 64)),
  grace: v.optional(written(parseDuration, FORMS.duration)),
  tokens: v.optional(
    v.pipe(
      v.array(token, "must be a list: [[serve.tokens]]"),
      v.check((list) => new Set(list.map(({ name }) => name)).size === list.length, "has a name twice"),
    ),
    [],
  ),
  roots: v.optional(roots),
  rewrite: v.optional(
    v.array(
      v.strictTuple([filled, filled], "must be a pair: the sender's prefix, this machine's"),
      "must be a list of pairs",
    ),
    [],
  ),
  hosts: v.optional(v.array(host, "must be a list of hosts"), []),
  public_url: v.optional(publicUrl),
  max_spool: v.optional(written(parseSize, FORMS.size)),
  max_queue: v.optional(whole(1, 10_000_000)),
  keep: v.optional(written(parseDuration, FORMS.duration)),
  callback_hosts: v.optional(v.array(filled, "must be a list of hosts"), []),
  callback_secret: v.optional(secretSpec),
});
export type ServeSection = v.InferOutput<typeof serve>;
