import { BlockList, isIP } from "node:net";
import { AppError } from "../errors.ts";

/** What an answer's addresses are judged by: `loopback` allows http and private addresses. */
export interface Reach {
  readonly loopback: boolean;
}

/** Not reachable from, or not meant for, the open internet. Documentation ranges are left out: they lead nowhere. */
const PRIVATE = ranges(
  [
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["100.64.0.0", 10],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
    ["172.16.0.0", 12],
    ["192.0.0.0", 24],
    ["192.168.0.0", 16],
    ["198.18.0.0", 15],
    ["224.0.0.0", 4],
    ["240.0.0.0", 4],
  ],
  [
    // Unspecified, loopback and IPv4-compatible; NAT64, Teredo and 6to4 may carry any IPv4 address inside.
    ["::", 96],
    ["64:ff9b::", 96],
    ["64:ff9b:1::", 48],
    ["100::", 64],
    ["2001::", 32],
    ["2002::", 16],
    ["fc00::", 7],
    ["fe80::", 10],
    ["fec0::", 10],
    ["ff00::", 8],
  ],
);

const LOOPBACK = ranges([["127.0.0.0", 8]], [["::1", 128]]);

/** Names that no public zone holds. */
const PRIVATE_NAME = /(?:^|\.)(?:localhost|local|internal|lan|home\.arpa)$/;

/** Whether `host` (a URL's hostname, brackets or not) is this machine. Names are judged as written, never resolved. */
export function isLoopbackHost(host: string): boolean {
  const name = bare(host);
  return isListed(LOOPBACK, name) || name === "localhost" || name.endsWith(".localhost");
}

/**
 * Whether `host` (a URL's hostname) is an address of a private or special network, or a name that can only mean one.
 * IPv4 inside IPv6 counts as what it is. Other names are not resolved.
 */
export function isPrivateAddress(host: string): boolean {
  const name = bare(host);
  if (isIP(name) !== 0) return isListed(PRIVATE, name);
  return !name.includes(".") || PRIVATE_NAME.test(name);
}

/**
 * An address that a host told us to send a body to, as given. Fails with `host_protocol` unless it is http(s), or
 * https alone where `rule.https`, without user information and not on a private network; a loopback endpoint may name
 * any http(s) address.
 */
export function assertUploadUrl(url: string, endpoint: Reach, rule: { readonly https: boolean }): string {
  const parsed = webUrl(url, "upload address");
  if (!endpoint.loopback) {
    if (rule.https && parsed.protocol !== "https:") throw refused("upload address", "is not https");
    if (isPrivateAddress(parsed.hostname)) throw refused("upload address", "is on a private network");
  }
  return url;
}

/**
 * A link that a host gave for people, fit to be shown on one line. Fails with `host_protocol` unless it is https on one
 * of `domains` or below; a loopback endpoint may also use http, and private addresses.
 */
export function assertLink(url: string, endpoint: Reach, domains: readonly string[]): string {
  const parsed = webUrl(url, "link");
  const allowed =
    domains.some((domain) => isWithin(parsed.hostname, domain)) ||
    (endpoint.loopback && isPrivateAddress(parsed.hostname));
  if (!allowed) throw refused("link", "is not on its domain");
  if (!endpoint.loopback && parsed.protocol !== "https:") throw refused("link", "is not https");
  // The host's own spelling, unless it holds what a terminal or a list of lines would act on.
  return url === url.trim() && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(url) ? url : parsed.href;
}

/** Whether `host` is `domain` or a name below it. */
export function isWithin(host: string, domain: string): boolean {
  const name = bare(host);
  return name === domain || name.endsWith(`.${domain}`);
}

function webUrl(url: string, what: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null) throw refused(what, "is no URL");
  if (parsed.protocol !== "https:" && parsed.protocol !== "http:") throw refused(what, "is not http or https");
  if (parsed.username !== "" || parsed.password !== "") throw refused(what, "holds a user name");
  return parsed;
}

/** Never quotes the URL: upload addresses carry a bearer secret. */
function refused(what: string, why: string): AppError {
  return new AppError("host_protocol", `the host gave ${what === "link" ? "a" : "an"} ${what} that ${why}`);
}

/** Lower case, without the brackets of an IPv6 address and without the final dot of a full name. */
function bare(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "");
}

function isListed(list: () => BlockList, name: string): boolean {
  const family = isIP(name);
  return family !== 0 && list().check(name, family === 6 ? "ipv6" : "ipv4");
}

type Ranges = readonly (readonly [network: string, prefix: number])[];

/** Built when it is first asked for: most commands never judge an address. */
function ranges(ipv4: Ranges, ipv6: Ranges): () => BlockList {
  let built: BlockList | null = null;
  return () => {
    if (built !== null) return built;
    built = new BlockList();
    for (const [network, prefix] of ipv4) built.addSubnet(network, prefix, "ipv4");
    for (const [network, prefix] of ipv6) built.addSubnet(network, prefix, "ipv6");
    return built;
  };
}
