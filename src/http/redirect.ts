import { AppError } from "../errors.ts";
import { isWithin, type Reach } from "./address.ts";
import { type Answer, type RequestSpec, request } from "./request.ts";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_HOPS = 3;

/**
 * A request that follows redirects with method, headers and body kept, because they carry a login that must neither be
 * lost nor shown to anyone else: to the same site and port only, over https unless the endpoint is on loopback, at
 * most three times. Fails like `request`, and with `host_protocol` when the host leads elsewhere.
 */
export async function requestOnSite(fetcher: typeof fetch, spec: RequestSpec, endpoint: Reach): Promise<Answer> {
  const start = new URL(spec.url);
  let url = start;
  for (let hops = 0; ; hops += 1) {
    const answer = await request(fetcher, { ...spec, url: url.href });
    if (!REDIRECTS.has(answer.status)) return answer;
    if (hops === MAX_HOPS) throw astray(start, `redirects more than ${MAX_HOPS} times`);
    const location = answer.headers.get("location") ?? "";
    if (location === "" || !URL.canParse(location, url.href)) throw astray(start, "redirects to nowhere");
    url = new URL(location, url.href);
    if (url.protocol !== "https:" && !(endpoint.loopback && url.protocol === "http:")) {
      throw astray(start, "redirects to an address that is not https");
    }
    if (!isSameSite(url, start)) throw astray(start, "redirects to another site");
  }
}

/** The host asked first, with or without `www.`, or a name below it. A port is another program's. */
function isSameSite(url: URL, start: URL): boolean {
  const site = start.hostname.replace(/^www\./, "");
  return isWithin(url.hostname, site) && portOf(url) === portOf(start) && url.username === "" && url.password === "";
}

function portOf(url: URL): string {
  return url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
}

function astray(start: URL, does: string): AppError {
  return new AppError("host_protocol", `${start.host} ${does}`, {
    hint: "check the account's base URL",
    retry: { again: false },
  });
}
