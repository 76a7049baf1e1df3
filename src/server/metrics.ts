import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { EngineEvent } from "../core/events.ts";
import type { QueueDepth } from "../core/serve-store.ts";

/** What `/metrics` tells. */
export interface Metrics {
  /** From the engine. */
  observe(event: EngineEvent): void;
  /** `route` as in the table; seconds from head to answer. */
  request(method: string, route: string, status: number, seconds: number): void;
  /** Prometheus text; `depth`: as it is now. */
  text(depth: QueueDepth): Promise<string>;
  readonly contentType: string;
}

/** The process metrics of prom-client stay off: what they read has other meanings in Bun. */
export function createMetrics(now: () => number = Date.now): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const jobs = new Gauge({ name: "hoist_jobs", help: "Jobs by state.", labelNames: ["state"], registers });
  const oldestAge = new Gauge({
    name: "hoist_oldest_job_age_seconds",
    help: "Age of the oldest job that has not ended; 0 without one.",
    registers,
  });
  const sent = new Counter({
    name: "hoist_sent_bytes_total",
    help: "Bytes handed over to hosts, those of repeated attempts included.",
    labelNames: ["account"],
    registers,
  });
  const attempts = new Counter({
    name: "hoist_attempts_total",
    help: "Attempts at uploads by outcome: ok, skipped, or an error's code.",
    labelNames: ["account", "outcome"],
    registers,
  });
  const coolDowns = new Counter({
    name: "hoist_cool_downs_total",
    help: "Waits that a host has asked for.",
    labelNames: ["account"],
    registers,
  });
  const unknown = new Counter({
    name: "hoist_unknown_outcomes_total",
    help: "Uploads of which nobody knows whether the host has them.",
    labelNames: ["account"],
    registers,
  });
  const durations = new Histogram({
    name: "hoist_http_request_duration_seconds",
    help: "Time from a request's head to its answer.",
    labelNames: ["method", "route", "status"],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers,
  });

  /** Bytes of the attempt that runs, by upload. */
  const handedOver = new Map<string, number>();

  return {
    contentType: registry.contentType,
    text({ byState, oldestUnended }) {
      for (const [state, count] of Object.entries(byState)) jobs.set({ state }, count);
      oldestAge.set(oldestUnended === null ? 0 : Math.max(0, (now() - oldestUnended) / 1000));
      return registry.metrics();
    },
    request: (method, route, status, seconds) => durations.observe({ method, route, status }, seconds),
    observe(event) {
      switch (event.type) {
        case "start":
          handedOver.set(event.upload.id, 0);
          return;
        case "progress": {
          const { upload, bytes } = event;
          const before = handedOver.get(upload.id) ?? 0;
          // A new attempt starts from the beginning.
          sent.inc({ account: upload.account }, bytes >= before ? bytes - before : bytes);
          handedOver.set(upload.id, bytes);
          return;
        }
        case "retry":
          attempts.inc({ account: event.upload.account, outcome: event.error.code });
          return;
        case "cool_down":
          coolDowns.inc({ account: event.account });
          return;
        case "ended": {
          const { id, account, outcome } = event.upload;
          handedOver.delete(id);
          if (outcome === null) return;
          attempts.inc({ account, outcome: outcome.ok ? (outcome.skipped ? "skipped" : "ok") : outcome.error.code });
          if (!outcome.ok && outcome.error.code === "outcome_unknown") unknown.inc({ account });
          return;
        }
        default:
      }
    },
  };
}
