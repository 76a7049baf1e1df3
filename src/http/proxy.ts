import { isLoopbackHost } from "./address.ts";

/** Variables of one meaning: some programs read the lower-case one, some the other. */
const NO_PROXY = ["NO_PROXY", "no_proxy"] as const;
const ALWAYS = ["127.0.0.1", "localhost", "::1", "[::1]"] as const;

/**
 * Keeps `fetch` from sending loopback traffic through `HTTP_PROXY`: adds the loopback names and those of `baseUrls`
 * that are on loopback to `NO_PROXY`, which Bun reads at each request. Does nothing where no proxy is set.
 */
export function exemptLoopbackFromProxy(
  env: Record<string, string | undefined>,
  baseUrls: Iterable<string> = [],
): void {
  if (!Object.keys(env).some((name) => /^(?:https?|all)_proxy$/i.test(name) && env[name] !== "")) return;
  const hosts = [...baseUrls].map((url) => new URL(url).hostname).filter(isLoopbackHost);
  const listed = NO_PROXY.flatMap((name) => env[name]?.split(",") ?? []).map((entry) => entry.trim());
  const all = new Set([...listed.filter((entry) => entry !== ""), ...ALWAYS, ...hosts]);
  for (const name of NO_PROXY) env[name] = [...all].join(",");
}
