import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { ServeToken } from "../../src/config/serve.ts";
import type { JobState, RequestKey } from "../../src/core/serve-store.ts";
import type { AddJob } from "../../src/core/serving/add-job.ts";
import type { JobView } from "../../src/core/serving/job-view.ts";
import { isEnded } from "../../src/core/serving/job-view.ts";
import type {
  JobRequest,
  Jobs,
  Root,
  ServerEvent,
  SpooledFile,
  Submitted,
  Submitter,
} from "../../src/core/serving/jobs.ts";
import { AppError } from "../../src/errors.ts";
import { isUnder } from "../../src/io/safe-open.ts";
import { createServer } from "../../src/server/app.ts";
import { createEventLog, type EventLog } from "../../src/server/event-log.ts";
import { createDoorman } from "../../src/server/grant.ts";
import type { Hook } from "../../src/server/hooks/hook.ts";
import { listen } from "../../src/server/listen.ts";
import { createLog } from "../../src/server/log.ts";
import { createMetrics, type Metrics } from "../../src/server/metrics.ts";
import type { ServedHook, ServerSettings } from "../../src/server/settings.ts";
import { temporaryDirectory } from "../support/temporary.ts";

export const ROOT: Root = { path: "/srv/out", write: false };

/** Secrets are the names, long enough. */
export function secretOf(name: string): string {
  return `${name}-secret-that-is-long-enough`;
}

export function token(name: string, scopes: ServeToken["scopes"], roots: readonly Root[] = [ROOT]): ServeToken {
  return { name, secret: secretOf(name), scopes, roots };
}

export const TOKENS: readonly ServeToken[] = [
  token("all", ["submit", "read", "manage", "delete"]),
  token("submit", ["submit"]),
  token("read", ["read"]),
  token("manage", ["manage"]),
  token("elsewhere", ["submit", "read", "manage"], [{ path: "/srv/other", write: false }]),
];

export const bearer = (name = "all") => `Bearer ${secretOf(name)}`;

/** What a test's jobs were asked, and how to make things happen. */
export interface FakeJobs extends Jobs {
  readonly added: { readonly request: JobRequest; readonly submitter: Submitter; readonly key: RequestKey | null }[];
  readonly spooled: { readonly file: SpooledFile; readonly content: string }[];
  /** Stands in for `add`. */
  onAdd: ((request: JobRequest) => Promise<void>) | null;
  change(id: string, state: JobState): void;
  emit(event: ServerEvent): void;
  readonly paused: Set<string>;
}

export function jobView(id: string, path: string, state: JobState = "queued"): JobView {
  const done = state === "done";
  return {
    v: 1,
    id,
    state,
    waitingFor: null,
    waitingUntil: null,
    source: { path, size: 3 },
    labels: {},
    group: null,
    hook: null,
    createdAt: "2026-01-31T18:00:00.000Z",
    startedAt: null,
    finishedAt: isEnded(state) ? "2026-01-31T18:00:05.000Z" : null,
    notBefore: null,
    uploads: [
      {
        state,
        phase: done ? "committed" : "new",
        bytes: 0,
        waitingFor: null,
        waitingUntil: null,
        id: `${id}-0`,
        ok: isEnded(state) ? done : null,
        file: path,
        name: "x.bin",
        account: "ulozto",
        host: "ulozto",
        folder: "/",
        size: 3,
        md5: null,
        url: done ? `https://host.example/${id}` : null,
        remoteId: null,
        verified: null,
        attempts: 0,
        seconds: null,
        skipped: false,
        skipReason: null,
        labels: {},
        error: null,
      },
    ],
  };
}

/** Keeps jobs in memory and uploads nothing. */
export function fakeJobs(): FakeJobs {
  const views = new Map<string, JobView>();
  const keys = new Map<string, { readonly id: string; readonly hash: string | null }>();
  const listeners = new Set<(event: ServerEvent) => void>();

  const find = (id: string, roots: readonly Root[]): JobView => {
    const view = views.get(id);
    const path = view?.source.path ?? "";
    if (
      view === undefined ||
      (path !== "-" &&
        !isUnder(
          path,
          roots.map((root) => root.path),
        ))
    ) {
      throw new AppError("not_found", "there is no such job");
    }
    return view;
  };
  const put = (view: JobView): JobView => {
    views.set(view.id, view);
    jobs.emit({ type: "job.state", job: view, jobPath: view.source.path });
    return view;
  };
  const requests = new Map<string, string>();
  const assertSameRequest = ({ scope, request }: RequestKey) => {
    if (request == null) return;
    const name = `${scope} ${request.key}`;
    if ((requests.get(name) ?? request.hash) !== request.hash) {
      throw new AppError("unprocessable", "the key was used for another request");
    }
    requests.set(name, request.hash);
  };
  const submit = (path: string, key: RequestKey | null): Submitted => {
    if (key !== null) assertSameRequest(key);
    const known = key === null ? undefined : keys.get(`${key.scope} ${key.key}`);
    if (known !== undefined) {
      if (known.hash !== key?.hash) throw new AppError("unprocessable", "the key was used for another request");
      return { jobs: [find(known.id, [{ path: "/", write: false }])], created: false };
    }
    const id = `job-${views.size + 1}`;
    if (key !== null) keys.set(`${key.scope} ${key.key}`, { id, hash: key.hash });
    return { jobs: [put(jobView(id, path))], created: true };
  };

  const jobs: FakeJobs = {
    added: [],
    spooled: [],
    onAdd: null,
    paused: new Set(),
    change: (id, state) => {
      const view = views.get(id);
      if (view !== undefined) put(jobView(id, view.source.path, state));
    },
    emit(event) {
      for (const listener of [...listeners]) listener(event);
    },
    readRequest(input: AddJob): JobRequest {
      if (input.to.some((each) => !each.startsWith("ulozto"))) {
        throw new AppError("usage", `there is no account "${input.to.join()}"`, { hint: "known accounts: ulozto" });
      }
      const { path, name, labels, recursive, callback, resumable } = input;
      const after = { do: "keep" } as const;
      return { path, to: [], name, labels, recursive, callback, notBefore: null, settleMs: null, resumable, after };
    },
    async add(request, submitter, key) {
      await jobs.onAdd?.(request);
      if (
        !isUnder(
          request.path,
          submitter.roots.map((root) => root.path),
        ) ||
        request.path.includes("missing")
      ) {
        throw new AppError("source", "the path is not there, not readable, or not below a root");
      }
      jobs.added.push({ request, submitter, key });
      return submit(request.path, key);
    },
    async addTogether(asked, submitter, refused) {
      const done: Submitted[] = [];
      for (const request of asked) {
        await jobs.add(request, submitter, null).then(
          (submitted) => done.push(submitted),
          (error) => refused(request, error),
        );
      }
      if (done.length === 0) throw new AppError("source", "none of the files can be opened");
      return { jobs: done.flatMap((each) => each.jobs), created: true };
    },
    async addSpooled(file, _request, _submitter, key) {
      jobs.spooled.push({ file, content: await Bun.file(file.path).text() });
      return submit("-", key);
    },
    async list(query, roots) {
      const visible = [...views.values()].filter(
        ({ source: { path }, state }) =>
          (path === "-" ||
            isUnder(
              path,
              roots.map((root) => root.path),
            )) &&
          (query.state === undefined || query.state === state),
      );
      return { jobs: visible.slice(0, query.limit), next: visible.length > query.limit ? "more" : null };
    },
    get: async (id, roots) => find(id, roots),
    async wait(id, ms, roots, signal) {
      const until = performance.now() + ms;
      while (!isEnded(find(id, roots).state) && performance.now() < until && !signal.aborted) await Bun.sleep(5);
      return find(id, roots);
    },
    async cancel(id, roots) {
      if (isEnded(find(id, roots).state)) throw new AppError("conflict", "the job has ended");
      return put(jobView(id, find(id, roots).source.path, "cancelled"));
    },
    async retry(id, roots) {
      if (!isEnded(find(id, roots).state)) throw new AppError("conflict", "nothing of the job has failed");
      return put(jobView(id, find(id, roots).source.path));
    },
    async remove(id, roots) {
      if (!isEnded(find(id, roots).state)) throw new AppError("conflict", "the job has not ended");
      views.delete(id);
    },
    accounts: async () => [accountView("ulozto", jobs.paused.has("ulozto"))],
    pauseAccount: async (name) => toggled(name, true),
    resumeAccount: async (name) => toggled(name, false),
    depth: async () => ({
      byState: { running: 0, waiting: 0, queued: views.size, unknown: 0, failed: 0, cancelled: 0, done: 0 },
      oldestUnended: null,
    }),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  function toggled(name: string, pause: boolean) {
    if (name !== "ulozto") throw new AppError("not_found", "there is no such account");
    if (pause) jobs.paused.add(name);
    else jobs.paused.delete(name);
    return accountView(name, pause);
  }
  return jobs;
}

function accountView(name: string, paused: boolean) {
  const state = paused ? ("paused" as const) : ("idle" as const);
  return { name, host: name, state, running: 0, coolDownUntil: null, reason: null, captchaUrl: null };
}

export interface Stage extends AsyncDisposable {
  readonly jobs: FakeJobs;
  readonly events: EventLog;
  readonly metrics: Metrics;
  readonly url: string;
  readonly port: number;
  /** Names in `Host` that are the server's own. */
  readonly host: string;
  /** Lines of the log, parsed. */
  readonly log: Record<string, unknown>[];
  readonly spool: string;
  settings: ServerSettings;
  draining: boolean;
  unready: string | null;
  fetch(path: string, init?: RequestInit & { readonly token?: string | null }): Promise<Response>;
  /** Sends bytes as they are and collects what comes until the connection ends or `ms` have passed. */
  raw(bytes: string | readonly string[], ms?: number): Promise<string>;
  /** Sends bytes and gives the first that come back; the connection may go on. */
  first(bytes: string): Promise<string>;
  open(): Promise<Socket>;
}

export interface StageOptions {
  readonly hooks?: readonly Hook[];
  readonly settings?: Partial<ServerSettings>;
  readonly heartbeatMs?: number;
  readonly kept?: number;
  /** Path of a unix socket instead of a port. */
  readonly unix?: string;
}

/** The server on a real socket, over fake jobs. */
export async function stage(options: StageOptions = {}): Promise<Stage> {
  const directory = temporaryDirectory();
  const jobs = fakeJobs();
  const events = createEventLog(jobs, options.kept);
  const metrics = createMetrics();
  const log: Record<string, unknown>[] = [];
  const remembered = new Set<string>();
  const self: { wire: Awaited<ReturnType<typeof listen>>["wire"] } = { wire: { kind: "unix" } };
  const served = (hook: Hook): [string, ServedHook] => {
    const roots = hook.roots.map((path) => ({ path, write: false }));
    return [hook.name, { hook, submitter: { name: `hook:${hook.name}`, hook: hook.name, roots, mayDelete: false } }];
  };
  const settings: ServerSettings = {
    doorman: createDoorman(TOKENS),
    roots: [ROOT],
    allRoots: [ROOT],
    hosts: new Set(),
    publicOrigin: null,
    hooks: new Map((options.hooks ?? []).map(served)),
    maxSpool: null,
    ...options.settings,
  };
  const closing = new AbortController();
  const app = createServer({
    jobs,
    settings: () => it.settings,
    wire: () => self.wire,
    draining: () => it.draining,
    closing: closing.signal,
    unready: async () => it.unready,
    rememberMessage: async (scope, id) => {
      const known = remembered.has(`${scope} ${id}`);
      remembered.add(`${scope} ${id}`);
      return !known;
    },
    spoolDirectory: join(directory.path, "spool"),
    events,
    metrics,
    log: createLog({ form: "json", from: "info", write: (line) => log.push(JSON.parse(line)) }),
    heartbeatMs: options.heartbeatMs ?? 15_000,
  });
  const address =
    options.unix === undefined
      ? ({ kind: "tcp", hostname: "127.0.0.1", port: 0 } as const)
      : ({ kind: "unix", path: options.unix } as const);
  const listening = await listen(address, 0o600, (request, server) => app.fetch(request, { server }));
  self.wire = listening.wire;
  const port = Number(/:(\d+)$/.exec(listening.url)?.[1] ?? 0);
  const sockets = new Set<Socket>();
  const open = async (): Promise<Socket> => {
    const socket = options.unix === undefined ? connect(port, "127.0.0.1") : connect(options.unix);
    sockets.add(socket);
    socket.on("error", () => {});
    await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
    return socket;
  };
  const it: Stage = {
    jobs,
    events,
    metrics,
    url: listening.url,
    port,
    host: `127.0.0.1:${port}`,
    log,
    spool: join(directory.path, "spool"),
    settings,
    draining: false,
    unready: null,
    fetch(path, { token = "all", ...init } = {}) {
      const headers = new Headers(init.headers);
      if (token !== null && !headers.has("authorization")) headers.set("authorization", bearer(token));
      const base = options.unix === undefined ? listening.url : "http://localhost";
      const where = options.unix === undefined ? {} : { unix: options.unix };
      return fetch(`${base}${path}`, { redirect: "manual", keepalive: false, ...init, ...where, headers });
    },
    async raw(bytes, ms = 2000) {
      const socket = await open();
      let text = "";
      const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
      });
      for (const part of typeof bytes === "string" ? [bytes] : bytes) socket.write(part, "latin1");
      await Promise.race([ended, Bun.sleep(ms)]);
      socket.destroy();
      return text;
    },
    async first(bytes) {
      const socket = await open();
      const { promise, resolve } = Promise.withResolvers<string>();
      socket.once("data", (chunk) => resolve(chunk.toString("latin1")));
      socket.once("close", () => resolve(""));
      socket.write(bytes, "latin1");
      const text = await promise;
      socket.destroy();
      return text;
    },
    open,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      events[Symbol.dispose]();
      await listening.stop();
      directory[Symbol.dispose]();
    },
  };
  return it;
}

export const JSON_TYPE = { "content-type": "application/json" } as const;

/** `POST /v1/jobs`. */
export function submit(
  at: Stage,
  body: unknown = { path: "/srv/out/x.bin", to: ["ulozto"] },
  headers: Record<string, string> = {},
): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return at.fetch("/v1/jobs", { method: "POST", body: text, headers: { ...JSON_TYPE, ...headers } });
}
