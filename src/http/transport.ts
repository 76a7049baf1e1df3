import { proxyOf } from "./proxy.ts";
import { socketFetch } from "./socket-fetch.ts";

/** What a request asks of whoever carries it. */
export interface TransportInit extends BunFetchRequestInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
  readonly body?: ReadableStream<Uint8Array>;
  /** The body is a file. */
  readonly bulk: boolean;
}

/** BUN_CONFIG_VERBOSE_FETCH would print every header, secrets among them. */
export const UNHEARD = { verbose: false } as const satisfies BunFetchRequestInit;

/**
 * `fetch`, but for files without a proxy: these are written to a socket of their own, which costs less. What is told
 * apart by it is told apart nowhere else.
 */
export const transport: typeof fetch = Object.assign(
  (input: string | URL | Request, init?: RequestInit) => {
    const { method, headers, signal, body, bulk } = { bulk: false, ...init } as TransportInit;
    if (!bulk || method !== "POST" || body === undefined || !goesStraight(String(input))) {
      return fetch(input, { ...init, ...UNHEARD });
    }
    return socketFetch(String(input), { method, headers, body, signal });
  },
  { preconnect: fetch.preconnect },
);

function goesStraight(url: string): boolean {
  return proxyOf(url, process.env) === null;
}
