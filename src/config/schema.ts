import * as v from "valibot";
import { AFTER_FORMS, parseAfter } from "../core/after.ts";
import { FORMS, parseDuration, parseRateSchedule } from "../core/units.ts";
import { hooks } from "./hooks-schema.ts";
import { notify } from "./notify-schema.ts";
import { secretSpec } from "./secret-spec.ts";
import { section } from "./section.ts";
import { serve } from "./serve-schema.ts";
import { filled, whole, written } from "./values.ts";

const up = section({
  to: v.optional(v.array(filled, "must be a list of destinations")),
  parallel: v.optional(whole(1, 64)),
  limit_rate: v.optional(written(parseRateSchedule, FORMS.rate)),
  retries: v.optional(whole(0, 1000)),
  retry_base: v.optional(written(parseDuration, FORMS.duration)),
  format: v.optional(filled),
  after: v.optional(written(parseAfter, AFTER_FORMS)),
});

const account = section({
  host: v.optional(filled),
  user: v.optional(filled),
  url: v.optional(filled),
  password: v.optional(secretSpec),
  token: v.optional(secretSpec),
  api_key: v.optional(secretSpec),
});

const accountName = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9][a-z0-9-]*$/, "is no account name: it takes a–z, 0–9 and -, and starts with a letter or digit"),
);

/** The config file: one table per part of the product. */
export const configFile = section({
  up: v.optional(up),
  accounts: v.optional(v.record(accountName, account, "must be a table")),
  hooks: v.optional(hooks),
  serve: v.optional(serve),
  notify: v.optional(notify),
});
export type ConfigFile = v.InferOutput<typeof configFile>;
export type AccountSection = v.InferOutput<typeof account>;
