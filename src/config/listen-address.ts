import { isIP } from "node:net";
import { isLoopbackHost } from "../http/address.ts";

/** Where a server listens. */
export type ListenAddress =
  /** `hostname` without brackets. Port 0 takes a free one. */
  | { readonly kind: "tcp"; readonly hostname: string; readonly port: number }
  /** Absolute. */
  | { readonly kind: "unix"; readonly path: string };

export const LISTEN_FORMS = "127.0.0.1:7411, [::1]:7411 or unix:/run/hoist/hoist.sock";

export const DEFAULT_LISTEN: ListenAddress = { kind: "tcp", hostname: "127.0.0.1", port: 7411 };

/** Null when it is none of the forms: a host is always named, because a port alone would mean every network. */
export function parseListen(text: string): ListenAddress | null {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
    return path.startsWith("/") && !path.includes("\0") ? { kind: "unix", path } : null;
  }
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const [, inBrackets, plain, digits = ""] = match ?? [];
  const hostname = inBrackets ?? plain ?? "";
  const port = Number(digits);
  if (match === null || port > 65_535) return null;
  const usable = inBrackets === undefined ? isIP(hostname) === 4 || isName(hostname) : isIP(hostname) === 6;
  return usable ? { kind: "tcp", hostname: hostname.toLowerCase(), port } : null;
}

function isName(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i.test(text) && !/^[\d.]+$/.test(text);
}

/** Whether only this machine can connect. */
export function isLocal(address: ListenAddress): boolean {
  return address.kind === "unix" || isLoopbackHost(address.hostname);
}

/** As `Host` and URLs have it: `127.0.0.1:7411`, `[::1]:7411`. */
export function authority(hostname: string, port: number): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

export function describeListen(address: ListenAddress): string {
  return address.kind === "unix" ? `unix:${address.path}` : authority(address.hostname, address.port);
}
