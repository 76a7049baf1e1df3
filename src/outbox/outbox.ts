import type { NotifyTarget } from "../config/notify.ts";
import type { NotifyEvent } from "../config/notify-schema.ts";
import type { Delivery } from "../core/serve-store.ts";
import { isEnded, type JobView } from "../core/serving/job-view.ts";
import type { AccountView, ServerEvent } from "../core/serving/jobs.ts";
import { toAppError } from "../errors.ts";
import { CALLBACK, channelOf, startDeliveries } from "./deliveries.ts";
import { captchaPages, endOf, type Happening, payloadOf } from "./happening.ts";
import { notifyBody } from "./notify-message.ts";
import type { OutboxWorld } from "./world.ts";

/** Tells others of what happens to jobs and accounts: stored first, then delivered at least once. */
export interface Outbox {
  /** What the server tells; most of it is of no interest. */
  observe(event: ServerEvent): void;
  /** A job that ended when no outbox listened. */
  ended(job: JobView): void;
  /** Stores what was observed and stops delivering; what is not delivered is tried again by the next server. */
  stop(): Promise<void>;
}

/** An end is told again by another event within moments; older ones need not be remembered. */
const REMEMBERED_ENDS = 1000;

export function startOutbox(world: OutboxWorld): Outbox {
  const { store, clock } = world;
  const deliveries = startDeliveries(world);
  const ends = new Map<string, string>();
  const pages = new Map<string, string>();
  const paused = new Set<string>();
  const writing = new Set<Promise<void>>();

  function jobChanged(job: JobView): void {
    if (!isEnded(job.state)) {
      ends.delete(job.id);
      const page = captchaPages(job).join(" ");
      if (page !== "" && pages.get(job.id) !== page) write(job.id, { kind: "captcha", job }, !known(page));
      if (page === "") pages.delete(job.id);
      else pages.set(job.id, page);
      return;
    }
    pages.delete(job.id);
    const end = `${job.state} ${job.finishedAt}`;
    if (ends.get(job.id) === end) return;
    ends.delete(job.id);
    ends.set(job.id, end);
    for (const oldest of ends.keys()) {
      if (ends.size <= REMEMBERED_ENDS) break;
      ends.delete(oldest);
    }
    write(job.id, endOf(job));
  }

  function accountChanged(account: AccountView): void {
    const stands = account.state === "paused" || account.state === "stopped";
    if (stands && !paused.has(account.name)) write(null, { kind: "paused", account });
    if (stands) paused.add(account.name);
    else paused.delete(account.name);
  }

  /** Several jobs may wait for the same page: each calls back, a person is told once. */
  function known(page: string): boolean {
    return [...pages.values()].includes(page);
  }

  /** `what` null: an end that nobody is told of. `notify` false: only the callback is for it. */
  function write(jobId: string | null, what: Happening | null, notify = true): void {
    const written = storeMessages(jobId, what, notify).catch((thrown: unknown) => {
      // The end stays marked as untold: the next server tells it.
      if (jobId !== null) ends.delete(jobId);
      world.log("warn", `a message could not be stored: ${toAppError(thrown).message}`, { channel: "outbox" });
    });
    writing.add(written);
    void written.finally(() => writing.delete(written));
  }

  async function storeMessages(jobId: string | null, what: Happening | null, notify: boolean): Promise<void> {
    const now = clock.now();
    const messages = what === null || !notify ? [] : messagesFor(what, world.config().notify, now);
    const callback = jobId === null || what === null ? null : ((await store.job(jobId))?.callback ?? null);
    if (callback !== null && what !== null) {
      messages.push({ channel: CALLBACK, url: callback, body: payloadOf(what, now) });
    }
    const isEnd = jobId !== null && what?.kind !== "captcha";
    // Of one tick, and so of one transaction: an end is marked as told together with its messages.
    await Promise.all([
      ...messages.map((message) => store.enqueueDelivery(message)),
      ...(isEnd ? [store.jobTold(jobId)] : []),
    ]);
    if (messages.length > 0) deliveries.wake();
  }

  return {
    observe(event) {
      if (event.type === "job.state") jobChanged(event.job);
      if (event.type === "account.state") accountChanged(event.account);
    },
    ended: jobChanged,
    async stop() {
      while (writing.size > 0) await Promise.all(writing);
      await deliveries.stop();
    },
  };
}

type NewDelivery = Pick<Delivery, "channel" | "url" | "body">;

function messagesFor(what: Happening, targets: readonly NotifyTarget[], now: number): NewDelivery[] {
  const wanted = targets.filter(({ on }) => on.includes(what.kind satisfies NotifyEvent));
  // The URL may be a secret: it is looked up by its name when it is needed.
  return wanted.map((target) => ({ channel: channelOf(target), url: "", body: notifyBody(target, what, now) }));
}
