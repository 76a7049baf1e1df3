import { resolve } from "node:path";
import * as v from "valibot";
import type { UpDefaults } from "../../config/load.ts";
import { fromHome } from "../../config/place.ts";
import { AFTER_FORMS, parseAfter } from "../../core/after.ts";
import { type RunOptions, type UpInput, upInput } from "../../core/inputs.ts";
import { AppError } from "../../errors.ts";
import { kebab, type Values } from "./options.ts";
import { read, readCount, readDuration, readLabels, readRate, readSize } from "./read-values.ts";
import type { UP_OPTIONS } from "./up-options.ts";

export type UpValues = Values<typeof UP_OPTIONS>;

const MINUTE = 60_000;

/** Everything that can be wrong in the options alone, so that it is told before the configuration is read. */
export function readUpValues(sources: readonly string[], values: UpValues, stderrIsTty: boolean) {
  if (values.null && values.filesFrom === undefined) {
    throw new AppError("usage", "-0 is about --files-from, which is missing");
  }
  return {
    sources,
    to: values.to,
    filesFrom:
      values.filesFrom === undefined
        ? null
        : ({ path: values.filesFrom, separator: values.null ? "\0" : "\n" } as const),
    name: values.name ?? null,
    recursive: values.recursive,
    filters: {
      include: [...values.include],
      exclude: [...values.exclude],
      minSize: readSize("--min-size", values.minSize) ?? null,
      maxSize: readSize("--max-size", values.maxSize) ?? null,
      minAgeMs: readDuration("--min-age", values.minAge) ?? null,
    },
    labels: readLabels(values.label),
    spool: values.spool,
    limitRate: readRate("--limit-rate", values.limitRate),
    parallel: readCount("--parallel", values.parallel, { min: 1, max: 64 }),
    retries: readCount("--retries", values.retries, { min: 0, max: 1000 }),
    after: read("--after", values.after, AFTER_FORMS, parseAfter),
    run: {
      retryUnknown: values.retryUnknown,
      waitCoolDownMs: readDuration("--wait-cooldown", values.waitCooldown) ?? 30 * MINUTE,
      waitCaptchaMs: readDuration("--wait-captcha", values.waitCaptcha) ?? (stderrIsTty ? 10 * MINUTE : 0),
      resumable: values.resumable ?? "auto",
      checksum: values.checksum,
      skipExisting: values.skipExisting,
      overflow: values.overflow ?? "fail",
      idleTimeoutMs: readTimeout("--idle-timeout", values.idleTimeout) ?? MINUTE,
      answerTimeoutMs: readTimeout("--answer-timeout", values.answerTimeout) ?? null,
    },
  } as const;
}

/** What the options leave open comes from the configuration. Fails with `usage`. */
export function toUpInput(read: ReturnType<typeof readUpValues>, defaults: UpDefaults): UpInput {
  const { to, limitRate, parallel, retries, after, run, ...rest } = read;
  const destinations = to.length > 0 ? to : defaults.to;
  if (destinations.length === 0) {
    throw new AppError("usage", "no destination is given", {
      hint: "add --to ACCOUNT[:FOLDER], or set [up] to in the configuration",
    });
  }
  const parsed = v.safeParse(upInput, {
    ...rest,
    to: [...destinations],
    run: {
      ...run,
      limitRate: limitRate ?? defaults.limitRate,
      parallel: parallel ?? defaults.parallel,
      retries: retries ?? defaults.retries,
      after: wherever(after ?? defaults.after),
    },
  });
  if (parsed.success) return parsed.output;
  const path = parsed.issues[0].path?.map(({ key }) => String(key)) ?? [];
  throw new AppError("usage", `the value of --${kebab(path.at(-1) ?? "to")} is not possible`);
}

/** A resume may start in another directory, and no shell reads what stands behind `move:`. */
function wherever(after: RunOptions["after"] | undefined): RunOptions["after"] | undefined {
  return after?.do === "move" ? { do: "move", directory: resolve(fromHome(after.directory)) } : after;
}

function readTimeout(flag: string, text: string | undefined): number | undefined {
  const ms = readDuration(flag, text);
  if (ms !== undefined && ms < 1) throw new AppError("usage", `${flag} must be more than 0`);
  return ms;
}
