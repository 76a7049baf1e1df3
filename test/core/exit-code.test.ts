import { expect, test } from "bun:test";
import { createTally, exitCode } from "../../src/core/exit-code.ts";
import type { Outcome, UploadRecord } from "../../src/core/job-store.ts";
import { AppError, ERROR_CLASSES, type ErrorCode, errorView } from "../../src/errors.ts";

test.each<[readonly ErrorCode[], boolean, number]>([
  [[], true, 0],
  [[], false, 0],
  [["network"], false, 5],
  [["network", "timeout", "host_unavailable", "rate_limited"], false, 5],
  [["network"], true, 3],
  [["network", "source"], false, 3],
  [["source", "not_found"], false, 4],
  [["host_auth"], false, 6],
  [["host_rejected", "host_quota"], false, 7],
  [["integrity"], false, 8],
  [["captcha"], false, 10],
  [["state"], false, 11],
  [["outcome_unknown"], false, 9],
  [["outcome_unknown", "network"], true, 9],
  [["internal", "outcome_unknown"], true, 1],
  [["internal"], true, 1],
  [["usage"], false, 2],
])("%j with success %p is %d", (codes, success, exit) => {
  expect(exitCode(codes, success)).toBe(exit);
});

test("a code alone is its class's exit code", () => {
  for (const [code, { exit }] of Object.entries(ERROR_CLASSES)) expect(exitCode([code as ErrorCode], false)).toBe(exit);
});

test("a tally counts what ended, and an interruption outranks everything", () => {
  const tally = createTally();
  const add = (outcome: Outcome | null) => tally.add({ outcome } as UploadRecord);
  const done = { ok: true, url: null, remoteId: null, size: 5, md5: null, verified: null } as const;
  add({ ...done, skipped: false, skipReason: null });
  add({ ...done, skipped: true, skipReason: "ledger" });
  add(null);
  for (const code of ["network", "network", "source"] as const) {
    add({ ok: false, error: errorView(new AppError(code, "failed")) });
  }
  expect(tally.summary(1.5, null)).toEqual({
    v: 1,
    type: "summary",
    ok: 1,
    failed: 3,
    skipped: 1,
    bytes: 5,
    seconds: 1.5,
    exit: 3,
    retryable: true,
    codes: { network: 2, source: 1 },
  });
  expect(tally.summary(1, 143).exit).toBe(143);
});
