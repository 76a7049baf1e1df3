import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Delivery } from "../core/serve-store.ts";
import { AppError } from "../errors.ts";
import { signWebhook } from "../server/signatures.ts";
import { VERSION } from "../version.ts";
import { type CallbackHost, mayConnect, refuseUrl } from "./callback-hosts.ts";
import { postTo } from "./post.ts";

/** All addresses of a name; asked once for each try. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export const resolveName: Resolve = async (hostname) => {
  const found = await lookup(hostname, { all: true }).catch((cause: unknown) => {
    throw new AppError("network", `${hostname}: the name could not be resolved`, { cause });
  });
  return found.map(({ address }) => address);
};

/** What callbacks are signed with and where they may go. */
export interface CallbackSettings {
  /** Null: no callback is taken. */
  readonly key: Uint8Array | null;
  readonly hosts: readonly CallbackHost[];
}

/** Why a job cannot have this callback, without quoting it; null when it can. */
export function refuseCallback(url: string, { key, hosts }: CallbackSettings): string | null {
  if (key === null) return "this server calls nobody back: serve.callback_secret is not set";
  return refuseUrl(url, hosts);
}

/**
 * One try. The URL is judged again, because the configuration may have changed; the connection goes to an address that
 * was judged. Resolves with the status; fails with `forbidden` without any connection, or as `postTo`.
 */
export async function callBack(
  { id, url, body }: Pick<Delivery, "id" | "url" | "body">,
  settings: CallbackSettings,
  world: { readonly resolve: Resolve; readonly now: () => number; readonly signal: AbortSignal },
): Promise<number> {
  const refusal = refuseCallback(url, settings);
  if (refusal !== null || settings.key === null) throw new AppError("forbidden", refusal ?? "");
  const hostname = new URL(url).hostname.replace(/\.$/, "");
  const addresses = await addressesOf(hostname, world);
  if (addresses.length === 0) throw new AppError("network", "the callback's host has no address");
  if (!addresses.every((address) => mayConnect(address, hostname, settings.hosts))) {
    throw new AppError("forbidden", "the callback's host leads to a private address");
  }
  const timestamp = Math.floor(world.now() / 1000);
  const headers = {
    "Content-Type": "application/json",
    "User-Agent": `hoist/${VERSION}`,
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signWebhook(settings.key, { id, timestamp, body }),
  };
  return postTo(addresses, { url, headers, body }, world.signal);
}

async function addressesOf(
  hostname: string,
  { resolve, signal }: { readonly resolve: Resolve; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const literal = hostname.replace(/^\[(.*)\]$/, "$1");
  if (isIP(literal) !== 0) return [literal];
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([resolve(hostname), stopped.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
    stopped.promise.catch(() => {});
  }
}
