import { BlockList, isIP } from "node:net";
import { AppError } from "../errors.ts";
import { isLoopbackHost, isPrivateAddress } from "../http/address.ts";

/** One entry of `serve.callback_hosts`. */
export interface CallbackHost {
  /** As URLs spell it: lower case, an IPv6 address in brackets. */
  readonly host: string;
  /** On a private network the only one; else besides 443, and 80 where http is allowed. */
  readonly port: number | null;
  readonly http: boolean;
}

const FORMS = "a host such as ci.example, ci.example:8443 or http://10.0.0.5:8080";

/** Fails with `config`, naming the key. */
export function parseCallbackHosts(entries: readonly string[]): readonly CallbackHost[] {
  return entries.map((entry, index) => {
    const found = parseEntry(entry);
    if (found === null) throw new AppError("config", `serve.callback_hosts[${index}] must be ${FORMS}`);
    return found;
  });
}

function parseEntry(entry: string): CallbackHost | null {
  const [, scheme, rest = ""] = /^(?:(https?):\/\/)?(.*?)\/?$/.exec(entry) ?? [];
  // A port that is the scheme's default would be lost; there is none for this one.
  const url = `none://${rest}`;
  if (/[\s/?#@\\%*]/.test(rest) || !URL.canParse(url) || !URL.canParse(`https://${rest}`)) return null;
  const { port } = new URL(url);
  const host = withoutDot(new URL(`https://${rest}`).hostname);
  return { host, port: port === "" ? null : Number(port), http: scheme === "http" || isLoopbackHost(host) };
}

/** Why nobody will be called back there, without quoting it; null when somebody may be. */
export function refuseUrl(url: string, hosts: readonly CallbackHost[]): string | null {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null) return "the callback is no URL";
  const { protocol, username, password } = parsed;
  if (protocol !== "https:" && protocol !== "http:") return "the callback is not https";
  if (username !== "" || password !== "") return "the callback holds a user name";
  const host = withoutDot(parsed.hostname);
  const entries = hosts.filter((entry) => entry.host === host);
  if (entries.length === 0) return "the callback's host is not in serve.callback_hosts";
  const open = entries.filter((entry) => protocol === "https:" || entry.http);
  if (open.length === 0) return "the callback is not https";
  const port = parsed.port === "" ? null : Number(parsed.port);
  const written = port ?? (protocol === "https:" ? 443 : 80);
  // A program on this machine that was listed without a port may have any.
  const reachable = open.some((entry) => isUsualPort(port, entry) || written === entry.port || isAnyPort(entry));
  return reachable ? null : "the callback's port is not in serve.callback_hosts";
}

/** A program on a private network that was listed with its port says nothing of others there. */
function isUsualPort(port: number | null, entry: CallbackHost): boolean {
  if (entry.port !== null && isPrivateAddress(entry.host)) return false;
  return port === null || port === 443 || (port === 80 && entry.http);
}

function isAnyPort({ host, port }: CallbackHost): boolean {
  return port === null && isLoopbackHost(host);
}

/** Whether a connection for `hostname`, which is listed, may go to `address`. */
export function mayConnect(address: string, hostname: string, hosts: readonly CallbackHost[]): boolean {
  if (!isPrivateAddress(address)) return true;
  const written = isIP(address) === 6 ? new URL(`http://[${address}]`).hostname : address;
  if (hosts.some(({ host }) => host === written)) return true;
  if (isLoopbackHost(hostname)) return isLoopbackHost(address);
  // The name of a private network may lead into that, but neither to this machine nor to a cloud's metadata.
  return isPrivateAddress(hostname) && !isNeverNamed(address);
}

const NEVER_NAMED = new BlockList();
NEVER_NAMED.addSubnet("0.0.0.0", 8, "ipv4");
NEVER_NAMED.addSubnet("127.0.0.0", 8, "ipv4");
NEVER_NAMED.addSubnet("169.254.0.0", 16, "ipv4");
NEVER_NAMED.addSubnet("224.0.0.0", 3, "ipv4");
NEVER_NAMED.addSubnet("::", 96, "ipv6");
NEVER_NAMED.addSubnet("fe80::", 10, "ipv6");
NEVER_NAMED.addSubnet("ff00::", 8, "ipv6");
// AWS answers there as it does at its link-local address.
NEVER_NAMED.addAddress("fd00:ec2::254", "ipv6");

function isNeverNamed(address: string): boolean {
  return NEVER_NAMED.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

function withoutDot(host: string): string {
  return host.replace(/\.$/, "");
}
