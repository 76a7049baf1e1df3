import type { NotifyTarget } from "../config/notify.ts";
import type { Delivery } from "../core/serve-store.ts";
import { type AppError, toAppError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { callBack } from "./callbacks.ts";
import { notifyContentType } from "./notify-message.ts";
import { ANSWER_WITHIN_MS, postByName, within } from "./post.ts";
import type { OutboxWorld } from "./world.ts";

/** The channel of a job's own callback. */
export const CALLBACK = "callback";

export function channelOf({ name }: Pick<NotifyTarget, "name">): string {
  return `notify ${name}`;
}

/** Waits after the first, second, … failed try, in milliseconds. */
const WAITS = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600].map((seconds) => seconds * 1000);
const AT_A_TIME = 8;
/** How often the store is looked into while a try is under way, and at all. */
const LOOK_SOON_MS = 1000;
const LOOK_AGAIN_MS = 60_000;

/** Sends what is due, each message by itself. */
export interface Deliveries {
  /** There are new ones. */
  wake(): void;
  stop(): Promise<void>;
}

type Verdict =
  | { readonly kind: "delivered" }
  | { readonly kind: "refused" }
  | { readonly kind: "failed"; readonly why: string };

export function startDeliveries({ store, config, fetch, resolve, clock, log }: OutboxWorld): Deliveries {
  const stopped = new AbortController();
  const underWay = new Map<string, Promise<void>>();
  const post = postByName(fetch);
  let waker = new AbortController();
  const loop = work();

  async function work(): Promise<void> {
    while (!stopped.signal.aborted) {
      const woken = waker.signal;
      const wait = await startDue().catch(() => LOOK_SOON_MS);
      if (wait > 0) await clock.sleep(wait, AbortSignal.any([woken, stopped.signal]));
      if (woken.aborted) waker = new AbortController();
    }
  }

  /** Returns the milliseconds until there may be more to do. */
  async function startDue(): Promise<number> {
    const due = await store.dueDeliveries(AT_A_TIME + underWay.size);
    for (const delivery of due) {
      if (underWay.size >= AT_A_TIME || stopped.signal.aborted) break;
      if (underWay.has(delivery.id)) continue;
      const tried = tryOnce(delivery).finally(() => {
        underWay.delete(delivery.id);
        wake();
      });
      underWay.set(delivery.id, tried);
    }
    // What is under way stays due until it is settled.
    if (underWay.size > 0) return LOOK_SOON_MS;
    const next = await store.nextDelivery();
    return next === null ? LOOK_AGAIN_MS : Math.min(Math.max(1, next - clock.now()), LOOK_AGAIN_MS);
  }

  async function tryOnce(delivery: Delivery): Promise<void> {
    const verdict = await attempt(delivery);
    // A try that was cut short does not count.
    if (stopped.signal.aborted && verdict.kind === "failed") return;
    const wait = verdict.kind === "failed" ? WAITS[delivery.tries] : undefined;
    tell(delivery, verdict, wait);
    await record(delivery, wait === undefined ? null : clock.now() + wait);
  }

  /** Until it is recorded: what was delivered is not to be sent again because a disk is full. */
  async function record({ id, channel }: Delivery, dueAt: number | null): Promise<void> {
    for (let told = false; ; told = true) {
      try {
        await store.settleDelivery(id, dueAt);
        return;
      } catch (thrown) {
        if (!told) log("warn", `a delivery could not be recorded: ${toAppError(thrown).message}`, { channel });
        if (stopped.signal.aborted) return;
        await clock.sleep(LOOK_SOON_MS, stopped.signal);
      }
    }
  }

  async function attempt(delivery: Delivery): Promise<Verdict> {
    const limit = within(ANSWER_WITHIN_MS, stopped.signal);
    try {
      const status = await send(delivery, limit.signal);
      if (status === null || status === 410) return { kind: "refused" };
      if (status >= 200 && status < 300) return { kind: "delivered" };
      return { kind: "failed", why: `HTTP ${status}` };
    } catch (thrown) {
      return { kind: "failed", why: reasonOf(delivery, toAppError(thrown)) };
    } finally {
      limit.clear();
    }
  }

  /** The status; null when there is nobody to send it to any more. */
  async function send(delivery: Delivery, signal: AbortSignal): Promise<number | null> {
    const { callbacks, notify } = config();
    if (delivery.channel === CALLBACK) {
      return callBack(delivery, callbacks, { resolve, now: () => clock.now(), signal });
    }
    const target = notify.find((each) => channelOf(each) === delivery.channel);
    if (target === undefined) return null;
    const headers = { "Content-Type": notifyContentType(target), "User-Agent": `hoist/${VERSION}` };
    return post({ url: target.url, headers: merged(headers, target.headers), body: delivery.body }, signal);
  }

  function tell({ channel, tries }: Delivery, verdict: Verdict, wait: number | undefined): void {
    if (verdict.kind === "delivered") log("info", "delivered", { channel });
    else if (verdict.kind === "refused") log("warn", "given up: the receiver wants no more of it", { channel });
    else {
      const next = wait === undefined ? `given up after ${tries + 1} tries` : `trying again in ${wait / 1000} s`;
      log("warn", `not delivered (${verdict.why}), ${next}`, { channel });
    }
  }

  function wake(): void {
    waker.abort();
  }

  return {
    wake,
    async stop() {
      stopped.abort();
      await loop;
      await Promise.all(underWay.values());
    },
  };
}

/** The receiver's address may be a secret, and a callback's was chosen by somebody else: neither is told. */
function reasonOf({ channel }: Delivery, error: AppError): string {
  if (error.code === "internal") return "internal failure";
  return channel === CALLBACK || error.code === "timeout" ? error.message : error.code;
}

/** Names of headers are the same in any case. */
function merged(
  ours: Readonly<Record<string, string>>,
  theirs: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const headers = new Headers(ours);
  for (const [name, value] of Object.entries(theirs)) headers.set(name, value);
  return Object.fromEntries(headers.entries());
}
