import { AppError } from "../errors.ts";
import type { Sandbox } from "./sandbox.ts";

/** Faults that every step of every simulated host understands, with what they do. */
export const COMMON_FAULTS: Readonly<Record<string, string>> = {
  "400…599": "answers with that status after the whole request; 503+7 adds Retry-After: 7",
  "early-400…599": "answers with that status before the body is read",
  html: "answers 200 with a web page",
  truncated: "does the step, then answers half of the JSON",
  reset: "breaks the connection without reading the body",
  lost: "does the step, then breaks the connection instead of answering",
  slow: "reads the body at 1 MiB/s and answers a second later",
  stall: "stops reading the body",
  hang: "reads everything and never answers",
  redirect: "answers 307 to the same path",
};

const STATUS_FAULT = /^(early-)?([45]\d\d)(?:\+(\d{1,5}))?$/;

/** A fault that is an HTTP status. */
export interface StatusFault {
  readonly status: number;
  readonly early: boolean;
  /** Seconds; null sends no Retry-After. */
  readonly retryAfter: number | null;
}

export function statusFault(fault: string): StatusFault | null {
  const match = STATUS_FAULT.exec(fault);
  if (match === null) return null;
  return {
    status: Number(match[2]),
    early: match[1] !== undefined,
    retryAfter: match[3] === undefined ? null : Number(match[3]),
  };
}

/** What goes wrong, and how often. */
export interface FaultPlan {
  /** Takes the next fault of a step, in the order they were given; null when the step shall work. */
  take(host: string, step: string): string | null;
}

interface PlannedFault {
  /** Null: any host that has the step. */
  readonly host: string | null;
  readonly step: string;
  readonly fault: string;
  left: number;
}

/**
 * Reads `[host.]step=fault[:n]`: n times (default once, `*` always). Fails with `usage`, listing what there is.
 * `steps` holds each host's steps with the faults of its own.
 */
export function planFaults(texts: readonly string[], steps: Readonly<Record<string, Sandbox["faults"]>>): FaultPlan {
  const planned = texts.map((text) => readFault(text, steps));
  return {
    take(host, step) {
      const next = planned.find(
        (plan) =>
          plan.left > 0 && plan.step === step && (plan.host ?? host) === host && knows(steps[host]?.[step], plan.fault),
      );
      if (next === undefined) return null;
      next.left -= 1;
      return next.fault;
    },
  };
}

function readFault(text: string, steps: Readonly<Record<string, Sandbox["faults"]>>): PlannedFault {
  const match = /^(?:([a-z0-9]+)\.)?([a-z][a-z0-9-]*)=([a-z0-9+-]+)(?::([1-9]\d{0,8}|\*))?$/.exec(text);
  if (match === null) {
    throw usage(`a fault is written step=fault or step=fault:n, not "${text}"`, steps);
  }
  const [, host, step = "", fault = "", count = "1"] = match;
  const owners = Object.keys(steps).filter((id) => (host ?? id) === id && Object.hasOwn(steps[id] ?? {}, step));
  if (owners.length === 0) throw usage(`no simulated host has the step "${text.slice(0, text.indexOf("="))}"`, steps);
  if (!owners.some((id) => knows(steps[id]?.[step], fault))) {
    throw usage(`the step "${step}" does not know the fault "${fault}"`, steps);
  }
  return { host: host ?? null, step, fault, left: count === "*" ? Number.POSITIVE_INFINITY : Number(count) };
}

function knows(own: readonly string[] | undefined, fault: string): boolean {
  if (own === undefined) return false;
  return (
    own.includes(fault) || statusFault(fault) !== null || (Object.hasOwn(COMMON_FAULTS, fault) && !fault.includes("…"))
  );
}

function usage(message: string, steps: Readonly<Record<string, Sandbox["faults"]>>): AppError {
  const listed = Object.entries(steps).flatMap(([host, own]) =>
    Object.entries(own).map(([step, faults]) => [`${host}.${step}`, ...faults].join(" ")),
  );
  return new AppError("usage", message, {
    hint: `steps, each with its own faults: ${listed.join("; ")}; every step: ${Object.keys(COMMON_FAULTS).join(" ")}`,
  });
}
