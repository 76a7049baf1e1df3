import { isLoopbackHost, isWithin } from "./address.ts";

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

/** The proxy that requests to `url` go through; null when they go straight. */
export function proxyOf(url: string, env: Readonly<Record<string, string | undefined>>): URL | null {
  const { protocol, hostname, host } = new URL(url);
  if (isLoopbackHost(hostname)) return null;
  const names = protocol === "https:" ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy", "HTTP_PROXY"];
  const proxy = [...names, "all_proxy", "ALL_PROXY"].map((name) => env[name]).find((value) => value);
  if (proxy === undefined || !URL.canParse(proxy)) return null;
  const exempted = NO_PROXY.flatMap((name) => env[name]?.split(",") ?? []).map((entry) => entry.trim());
  const bare = (entry: string) => entry.replace(/^\*?\./, "");
  const exempt = exempted.some(
    (entry) => entry === "*" || entry === host || (entry !== "" && isWithin(hostname, bare(entry))),
  );
  return exempt ? null : new URL(proxy);
}
