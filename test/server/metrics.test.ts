import { expect, test } from "bun:test";
import { AppError, errorView } from "../../src/errors.ts";
import { createMetrics } from "../../src/server/metrics.ts";
import { failed, upload } from "../cli/fixture.ts";
import { stage, submit } from "./fixture.ts";

const depth = {
  byState: { running: 1, waiting: 2, queued: 3, unknown: 0, failed: 4, cancelled: 0, done: 5 },
  oldestUnended: 1_000_000,
};

test("queue, oldest job, bytes, attempts, cool-downs, unknown outcomes", async () => {
  const metrics = createMetrics(() => 1_090_000);
  const one = upload({ account: "ulozto" });
  const error = errorView(new AppError("network", "x"));
  metrics.observe({ type: "start", upload: one });
  metrics.observe({ type: "progress", upload: one, bytes: 100, size: 500, rate: 1 });
  metrics.observe({ type: "progress", upload: one, bytes: 300, size: 500, rate: 1 });
  metrics.observe({ type: "retry", upload: one, error, waitMs: 1 });
  metrics.observe({ type: "progress", upload: one, bytes: 50, size: 500, rate: 1 });
  metrics.observe({ type: "ended", upload: one });
  metrics.observe({ type: "cool_down", account: "uploadgig", waitMs: 5 });
  metrics.observe({ type: "ended", upload: upload({ outcome: failed(new AppError("outcome_unknown", "x")) }) });
  const text = await metrics.text(depth);
  for (const line of [
    'hoist_jobs{state="queued"} 3',
    'hoist_jobs{state="failed"} 4',
    "hoist_oldest_job_age_seconds 90",
    'hoist_sent_bytes_total{account="ulozto"} 350',
    'hoist_attempts_total{account="ulozto",outcome="network"} 1',
    'hoist_attempts_total{account="ulozto",outcome="ok"} 1',
    'hoist_attempts_total{account="uploadgig",outcome="outcome_unknown"} 1',
    'hoist_cool_downs_total{account="uploadgig"} 1',
    'hoist_unknown_outcomes_total{account="uploadgig"} 1',
  ]) {
    expect(text).toContain(line);
  }
  expect(text).not.toContain("process_");
  expect(text).not.toContain("nodejs_");
  expect(await metrics.text({ ...depth, oldestUnended: null })).toContain("hoist_oldest_job_age_seconds 0");
});

test("request durations by route, whatever paths, methods and ids are asked for", async () => {
  await using at = await stage();
  await submit(at);
  for (const id of ["a", "b", "job-1"]) await at.fetch(`/v1/jobs/${id}`);
  await at.fetch("/random-1");
  await at.fetch("/v1/jobs", { method: "PROPFIND" }).catch(() => null);
  const response = await at.fetch("/metrics");
  expect(response.headers.get("content-type")).toContain("text/plain");
  const text = await response.text();
  expect(text).toContain(
    'hoist_http_request_duration_seconds_count{method="GET",route="/v1/jobs/{id}",status="404"} 2',
  );
  expect(text).toContain(
    'hoist_http_request_duration_seconds_count{method="GET",route="/v1/jobs/{id}",status="200"} 1',
  );
  expect(text).toContain('hoist_http_request_duration_seconds_count{method="GET",route="none",status="404"} 1');
  expect(text).not.toContain("random-1");
  expect(text).not.toContain("PROPFIND");
});
