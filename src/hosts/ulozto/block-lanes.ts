import { type AppError, ERROR_CLASSES, toAppError } from "../../errors.ts";
import type { HostEnv } from "../host.ts";
import { createPace } from "./block-pace.ts";

export interface LanesSpec {
  /** Numbers of the blocks to send, in order. */
  readonly blocks: readonly number[];
  /** Sends one; resolves with its bytes when the host has it. */
  send(number: number, signal: AbortSignal): Promise<number>;
  readonly signal: AbortSignal;
}

/** Tries of one block within an attempt; after that the attempt fails, and the next asks the host what is missing. */
const TRIES = 3;

/**
 * Sends blocks side by side, each repeated alone where that is safe. Once one has failed for good no other begins; those
 * under way are let through, unless repeating could not help any of them. Fails with the first failure.
 */
export async function sendInLanes({ blocks, send, signal }: LanesSpec, env: HostEnv): Promise<void> {
  const pace = createPace(env.now);
  const waiting = [...blocks];
  const running = new Set<Promise<void>>();
  const stop = new AbortController();
  const combined = AbortSignal.any([signal, stop.signal]);
  let failure: AppError | null = null;

  const once = async (number: number) => {
    const startedAt = env.now();
    try {
      pace.stored(await send(number, combined), env.now() - startedAt);
    } catch (thrown) {
      pace.failed();
      throw toAppError(thrown);
    }
  };

  const untilStored = async (number: number) => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await once(number);
      } catch (thrown) {
        const error = toAppError(thrown);
        if (!isPassing(error) || tries === TRIES || failure !== null || combined.aborted) throw error;
        const { afterMs = Math.random() * env.retryBaseMs * 2 ** (tries - 1) } = error.retry;
        await env.sleep(afterMs, combined);
      }
    }
  };

  const launch = (number: number) => {
    const block = untilStored(number)
      .catch((thrown) => {
        const error = toAppError(thrown);
        failure ??= error;
        if (!isPassing(error)) stop.abort(error);
      })
      .finally(() => running.delete(block));
    running.add(block);
  };

  for (;;) {
    while (failure === null && running.size < pace.limit) {
      const next = waiting.shift();
      if (next === undefined) break;
      launch(next);
    }
    if (running.size === 0) break;
    await Promise.race(running);
  }
  if (failure !== null) throw failure;
}

/** Whether the same block may be taken a moment later. A rest that the host asks for is the whole account's. */
function isPassing({ code, retry }: AppError): boolean {
  return (retry.again ?? ERROR_CLASSES[code].retry) && retry.coolDownMs === undefined;
}
