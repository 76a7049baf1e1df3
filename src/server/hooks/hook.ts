import type { HookSection } from "../../config/hooks-schema.ts";
import type { HookAuth } from "./auth.ts";
import type { Condition } from "./conditions.ts";
import type { DestinationTemplate } from "./destination-template.ts";
import type { JsonPath } from "./json-path.ts";
import type { Rewrite } from "./paths.ts";
import type { Preset } from "./preset.ts";

/** One `[hooks.NAME]`, ready to be run. */
export interface Hook {
  readonly name: string;
  readonly preset: Preset;
  /** Null: the hook has no proof of its own, and the server's tokens with the scope submit count. */
  readonly auth: HookAuth | null;
  /** The same without the secret, which `hooks test` does not read. */
  readonly authKind: HookAuth["kind"] | null;
  readonly methods: HookSection["methods"];
  /** Never empty. */
  readonly to: readonly DestinationTemplate[];
  /** Plain and absolute. */
  readonly base: string | null;
  readonly rewrite: readonly Rewrite[];
  /** Where files may stand: plain and absolute; empty: nowhere. */
  readonly roots: readonly string[];
  readonly settleMs: number;
  /** Where in the payload the paths stand, instead of where the preset looks. */
  readonly path: JsonPath | null;
  /** `path` as written, for messages. */
  readonly pathText: string | null;
  readonly namePath: JsonPath | null;
  readonly when: readonly Condition[];
}
