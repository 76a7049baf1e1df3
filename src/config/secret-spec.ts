import * as v from "valibot";
import { section } from "./section.ts";

/** How a config file gives a secret. */
export type SecretSpec =
  | { readonly from: "literal"; readonly value: string }
  | { readonly from: "file"; readonly path: string }
  | { readonly from: "env"; readonly name: string }
  | { readonly from: "command"; readonly command: readonly [string, ...string[]] };

const FORMS = 'must be a string, { file = "…" }, { env = "…" } or { command = ["…"] }';
const filled = v.pipe(v.string("must be a string"), v.minLength(1, "must not be empty"));

const fileSpec = v.pipe(
  section({ file: filled }),
  v.transform(({ file }): SecretSpec => ({ from: "file", path: file })),
);
const envSpec = v.pipe(
  section({ env: filled }),
  v.transform(({ env }): SecretSpec => ({ from: "env", name: env })),
);
const commandSpec = v.pipe(
  section({ command: v.tupleWithRest([filled], v.string("must be a string"), "must be a list of strings") }),
  v.transform(({ command }): SecretSpec => ({ from: "command", command })),
);
const literalSpec = v.pipe(
  v.string(FORMS),
  v.minLength(1, "must not be empty"),
  v.transform((value): SecretSpec => ({ from: "literal", value })),
);
const unknownSpec = v.pipe(
  section({ file: v.optional(filled), env: v.optional(filled), command: v.optional(filled) }),
  v.never(FORMS),
);

/** A secret in a config file: a literal, or where it is kept. */
export const secretSpec = v.lazy((input) => {
  if (typeof input !== "object" || input === null) return literalSpec;
  if ("file" in input) return fileSpec;
  if ("env" in input) return envSpec;
  if ("command" in input) return commandSpec;
  return unknownSpec;
}) as v.GenericSchema<unknown, SecretSpec>;

/** The secrets of one form anywhere in a parsed file, with their full key paths. */
export function secretsFrom<const From extends SecretSpec["from"]>(
  from: From,
  value: unknown,
  path = "",
): Found<From>[] {
  if (typeof value !== "object" || value === null) return [];
  if ("from" in value) return value.from === from ? [{ key: path, spec: value as Found<From>["spec"] }] : [];
  return Object.entries(value).flatMap(([key, inner]) =>
    secretsFrom(from, inner, path === "" ? key : `${path}.${key}`),
  );
}

interface Found<From extends SecretSpec["from"]> {
  readonly key: string;
  readonly spec: Extract<SecretSpec, { readonly from: From }>;
}

export function literalSecrets(value: unknown): string[] {
  return secretsFrom("literal", value).map(({ key }) => key);
}
