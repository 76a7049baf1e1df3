import type { NotifyTarget } from "../../src/config/notify.ts";
import type { Delivery, JobRecord } from "../../src/core/serve-store.ts";
import type { JobUploadView, JobView } from "../../src/core/serving/job-view.ts";
import { parseCallbackHosts } from "../../src/outbox/callback-hosts.ts";
import type { Resolve } from "../../src/outbox/callbacks.ts";
import { type Outbox, startOutbox } from "../../src/outbox/outbox.ts";
import type { Clock, OutboxConfig, OutboxWorld } from "../../src/outbox/world.ts";
import { parseWebhookSecret } from "../../src/server/signatures.ts";

export const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8I";

export function view(change: Partial<JobView> = {}, upload: Partial<JobUploadView> = {}): JobView {
  const state = change.state ?? "done";
  return {
    v: 1,
    id: "job-1",
    state,
    waitingFor: null,
    waitingUntil: null,
    source: { path: "/srv/x.bin", size: 3 },
    labels: { build: "42" },
    group: null,
    hook: null,
    createdAt: "2026-01-31T18:00:00.000Z",
    startedAt: "2026-01-31T18:00:01.000Z",
    finishedAt: "2026-01-31T18:00:02.000Z",
    notBefore: null,
    uploads: [
      {
        state,
        phase: "committed",
        bytes: 3,
        waitingFor: null,
        waitingUntil: null,
        id: "upload-1",
        ok: true,
        file: "/srv/x.bin",
        name: "x.bin",
        account: "ulozto",
        host: "ulozto",
        folder: "/ISO",
        size: 3,
        md5: null,
        url: "https://host.example/f/1",
        remoteId: "1",
        verified: "size",
        attempts: 1,
        seconds: 1,
        skipped: false,
        skipReason: null,
        labels: { build: "42" },
        error: null,
        ...upload,
      },
    ],
    ...change,
  };
}

/** A clock that moves only when a test says so. */
export class ManualClock implements Clock {
  #now = Date.UTC(2026, 0, 31, 18);
  readonly #sleepers = new Set<{ readonly at: number; readonly end: () => void }>();

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const sleeper = {
        at: this.#now + ms,
        end: () => {
          this.#sleepers.delete(sleeper);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", sleeper.end, { once: true });
      if (signal.aborted) sleeper.end();
    });
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const sleeper of [...this.#sleepers]) if (sleeper.at <= this.#now) sleeper.end();
  }
}

type Stored = Delivery & { dueAt: number };

/** The part of the store that an outbox uses, in memory. */
export class MemoryOutboxStore {
  readonly deliveries = new Map<string, Stored>();
  readonly told: string[] = [];
  /** Every settled try, in order: the next due time, or null. */
  readonly settled: (number | null)[] = [];
  readonly callbacks = new Map<string, string>();
  /** Set: writing messages fails. */
  broken: Error | null = null;
  readonly #clock: Clock;
  readonly #watchers = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async job(id: string): Promise<JobRecord | null> {
    return { callback: this.callbacks.get(id) ?? null } as JobRecord;
  }

  async jobTold(id: string): Promise<void> {
    if (this.broken !== null) throw this.broken;
    this.told.push(id);
    this.#changed();
  }

  async enqueueDelivery(delivery: Pick<Delivery, "channel" | "url" | "body">): Promise<void> {
    if (this.broken !== null) throw this.broken;
    const id = `msg_${this.deliveries.size + this.settled.length}_${crypto.randomUUID()}`;
    const now = this.#clock.now();
    this.deliveries.set(id, { ...delivery, id, createdAt: now, tries: 0, dueAt: now });
  }

  async dueDeliveries(limit: number): Promise<readonly Delivery[]> {
    return [...this.deliveries.values()].filter(({ dueAt }) => dueAt <= this.#clock.now()).slice(0, limit);
  }

  async nextDelivery(): Promise<number | null> {
    const due = [...this.deliveries.values()].map(({ dueAt }) => dueAt);
    return due.length === 0 ? null : Math.min(...due);
  }

  async settleDelivery(id: string, dueAt: number | null): Promise<void> {
    const stored = this.deliveries.get(id);
    this.deliveries.delete(id);
    if (dueAt !== null && stored !== undefined) this.deliveries.set(id, { ...stored, tries: stored.tries + 1, dueAt });
    this.settled.push(dueAt);
    this.#changed();
  }

  /** Resolves once `holds` does. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#watchers.add(resolve));
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
    this.#watchers.clear();
  }
}

export interface Stage extends AsyncDisposable {
  readonly outbox: Outbox;
  readonly store: MemoryOutboxStore;
  readonly clock: ManualClock;
  readonly logged: string[];
}

export interface StageOptions {
  readonly hosts?: readonly string[];
  readonly secret?: string | null;
  readonly notify?: readonly NotifyTarget[];
  readonly resolve?: Resolve;
  readonly clock?: ManualClock;
  readonly store?: MemoryOutboxStore;
}

export function stage(options: StageOptions = {}): Stage {
  const clock = options.clock ?? new ManualClock();
  const store = options.store ?? new MemoryOutboxStore(clock);
  const logged: string[] = [];
  const secret = options.secret === undefined ? SECRET : options.secret;
  const config: OutboxConfig = {
    callbacks: {
      key: secret === null ? null : parseWebhookSecret(secret),
      hosts: parseCallbackHosts(options.hosts ?? []),
    },
    notify: options.notify ?? [],
  };
  const world: OutboxWorld = {
    store,
    config: () => config,
    fetch,
    resolve: options.resolve ?? (() => Promise.reject(new Error("nothing is resolved here"))),
    clock,
    log: (level, message, { channel }) => logged.push(`${level} ${channel}: ${message}`),
  };
  const outbox = startOutbox(world);
  return { outbox, store, clock, logged, [Symbol.asyncDispose]: () => outbox.stop() };
}

export interface Received {
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

/** A receiver on loopback that answers with what `answer` says. */
export function receiver(
  answer: (received: Received, index: number) => Response = () => new Response(),
  hostname = "127.0.0.1",
  port = 0,
) {
  const received: Received[] = [];
  const server = Bun.serve({
    hostname,
    port,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const one = { path: pathname, headers: request.headers, body: await request.text() };
      received.push(one);
      return answer(one, received.length - 1);
    },
  });
  const origin = `http://${hostname}:${server.port}`;
  return { received, origin, port: Number(server.port), [Symbol.asyncDispose]: () => server.stop(true) };
}

export function target(change: Partial<NotifyTarget> & { readonly url: string }): NotifyTarget {
  return {
    name: "phone",
    on: ["failed", "unknown", "captcha", "paused", "done"],
    headers: {},
    body: undefined,
    json: undefined,
    ...change,
  };
}
