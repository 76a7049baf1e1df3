import { AppError } from "../../errors.ts";
import type { ServiceFacts } from "./facts.ts";

/** For the answers and records that are still to be written once the uploads have been stopped. */
const AFTER_GRACE_S = 30;

/** Seconds after which a service that was told to stop may be killed. */
export function stopSeconds({ graceMs }: Pick<ServiceFacts, "graceMs">): number {
  return Math.ceil(graceMs / 1000) + AFTER_GRACE_S;
}

/** Fails with `usage` on a text that no unit of any kind can hold. */
export function assertPlain(text: string): string {
  if (!/\p{Cc}/u.test(text)) return text;
  throw new AppError("usage", "a path with control characters cannot stand in the description of a service", {
    hint: "rename it",
  });
}
