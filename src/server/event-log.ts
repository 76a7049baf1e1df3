import type { Jobs, Root, ServerEvent } from "../core/serving/jobs.ts";
import { isUnder } from "../io/safe-open.ts";
import { safeJson } from "../safe-text.ts";

/** An event as it goes out. */
export interface LoggedEvent {
  /** Sequence number. */
  readonly id: number;
  readonly type: ServerEvent["type"];
  /** JSON. */
  readonly data: string;
  /** Of which job; null: of an account. */
  readonly job: string | null;
  /** Where that job's file stands; "-": it came with its request. */
  readonly path: string | null;
}

/** Events that a reader has not seen, oldest first. */
export interface Missed {
  readonly events: readonly LoggedEvent[];
  /** False: there were more of them, which are gone. */
  readonly complete: boolean;
}

/** What has happened lately, for readers that come back. */
export interface EventLog extends Disposable {
  /** What has happened after the event `id`, as far as it is kept. */
  after(id: number): Missed;
  /** The id of the last event. */
  last(): number;
  subscribe(listener: EventListener): () => void;
  /** Ends every stream. */
  end(): void;
}

export interface EventListener {
  event(event: LoggedEvent): void;
  end(): void;
}

const KEPT = 2000;
/** Room for as many events a millisecond, on average: ids of a run end below those of the next. */
const IDS_PER_MS = 1000;

/**
 * Ids begin with the time, so that they go on rising when the server is started again: a reader that comes back then gets
 * everything that has happened since that start. What it has not seen of the run before is gone. An id that is still to
 * come (the clock was set back) is taken for one of another run, too.
 */
export function createEventLog(jobs: Pick<Jobs, "subscribe">, kept = KEPT, now = Date.now): EventLog {
  const recent: LoggedEvent[] = [];
  const listeners = new Set<EventListener>();
  let last = now() * IDS_PER_MS;
  /** The last event that is not kept: everything of the runs before, to begin with. */
  let gone = last;

  const unsubscribe = jobs.subscribe((event) => {
    const passing = event.type === "job.progress";
    if (passing && listeners.size === 0) return;
    last += 1;
    const logged = loggedEvent(last, event);
    if (!passing) recent.push(logged);
    if (recent.length > kept) gone = recent.shift()?.id ?? gone;
    for (const listener of [...listeners]) listener.event(logged);
  });

  return {
    after(id) {
      const known = id >= gone && id <= last;
      return { events: known ? recent.filter((event) => event.id > id) : [...recent], complete: known };
    },
    last: () => last,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    end() {
      for (const listener of [...listeners]) listener.end();
      listeners.clear();
    },
    [Symbol.dispose]() {
      unsubscribe();
      this.end();
    },
  };
}

function loggedEvent(id: number, event: ServerEvent): LoggedEvent {
  if (event.type === "account.state") {
    return eventOf({ id, type: event.type, job: null, path: null }, event.account);
  }
  if (event.type === "job.state") {
    return eventOf({ id, type: event.type, job: event.job.id, path: event.jobPath }, event.job);
  }
  const { type, job, jobPath, upload, account, bytes, size, rate, phase } = event;
  return eventOf({ id, type, job, path: jobPath }, { job, upload, account, bytes, size, rate, phase });
}

/** Most events are forgotten before anybody has read them: the text is made for the first who does. */
function eventOf(head: Omit<LoggedEvent, "data">, value: unknown): LoggedEvent {
  let text: string | null = null;
  return {
    ...head,
    get data() {
      text ??= safeJson(value);
      return text;
    },
  };
}

/** Whether somebody may hear of an event: of accounts everybody may, of a job whoever may see it. */
export function mayHear({ path }: LoggedEvent, roots: readonly Root[]): boolean {
  return (
    path === null ||
    path === "-" ||
    isUnder(
      path,
      roots.map((root) => root.path),
    )
  );
}
