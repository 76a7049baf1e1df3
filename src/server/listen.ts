import { chmodSync } from "node:fs";
import { mkdir, rm, stat } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";
import { authority, describeListen, type ListenAddress } from "../config/listen-address.ts";
import { AppError } from "../errors.ts";
import { loopbackHosts, type Wire } from "./wire.ts";

/** What answers; `server` lets a request be silent for longer. */
export type Answer = (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>;

export interface Listening {
  /** As clients write it: `http://127.0.0.1:7411`, `unix:/run/hoist.sock`. */
  readonly url: string;
  /** As a client on this machine connects: a server on all addresses is on loopback, too. */
  readonly localUrl: string;
  readonly wire: Wire;
  /** Ends every connection and gives the address back. */
  stop(): Promise<void>;
}

/** Seconds without a byte after which a connection is closed; longer only where a route says so. */
const IDLE_SECONDS = 10;

/** Fails with `state` when the address is not to be had. */
export async function listen(address: ListenAddress, socketMode: number, answer: Answer): Promise<Listening> {
  const server = address.kind === "unix" ? await listenUnix(address.path, socketMode, answer) : bind(address, answer);
  const stop = () => server.stop(true);
  if (address.kind === "unix") {
    const url = describeListen(address);
    return { url, localUrl: url, wire: { kind: "unix" }, stop };
  }
  const port = server.port ?? address.port;
  return {
    url: `http://${authority(address.hostname, port)}`,
    localUrl: localUrlOf({ ...address, port }),
    wire: { kind: "tcp", hosts: loopbackHosts(address.hostname, port) },
    stop,
  };
}

/** Addresses that stand for all of the machine's, and where it reaches itself then. */
const ANY_ADDRESS: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** As a client on this machine connects; not yet right for port 0. */
export function localUrlOf(address: ListenAddress): string {
  if (address.kind === "unix") return describeListen(address);
  return `http://${authority(ANY_ADDRESS[address.hostname] ?? address.hostname, address.port)}`;
}

const COMMON = {
  // Bodies are judged by the guard, which can say why.
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  development: false,
  error: () => new Response(null, { status: 500 }),
} as const;

function bind(address: Extract<ListenAddress, { readonly kind: "tcp" }>, answer: Answer): Bun.Server<undefined> {
  const { hostname, port } = address;
  try {
    // Without a host name Bun listens on every network.
    // Without `reusePort: false` Bun lets a second server share the address, and requests land on either.
    return Bun.serve({ ...COMMON, hostname, port, reusePort: false, idleTimeout: IDLE_SECONDS, fetch: answer });
  } catch (error) {
    throw cannotListen(address, error);
  }
}

async function listenUnix(path: string, mode: number, answer: Answer): Promise<Bun.Server<undefined>> {
  const address: ListenAddress = { kind: "unix", path };
  await mkdir(dirname(path), { recursive: true, mode: 0o700 }).catch(() => {});
  await removeStale(path);
  // The socket must not be open to others for a moment either; nothing else runs while the mask is changed.
  const before = process.umask(0o177);
  try {
    // `server.timeout` has no effect on a unix socket; who connects here is trusted. The types know no such option.
    const options = { ...COMMON, unix: path, idleTimeout: 0, fetch: answer };
    const server = Bun.serve(options as Omit<typeof options, "idleTimeout">);
    chmodSync(path, mode);
    return server;
  } catch (error) {
    throw cannotListen(address, error);
  } finally {
    process.umask(before);
  }
}

/** A socket nobody answers on was left by a server that died. Fails with `state` when somebody does. */
async function removeStale(path: string): Promise<void> {
  const there = await stat(path).catch(() => null);
  if (there === null) return;
  if (!there.isSocket()) {
    throw new AppError("state", `cannot listen on unix:${path}: something else is in its place`, {
      hint: "name another path with --listen, or remove it",
    });
  }
  if (await isAnswered(path)) {
    throw new AppError("state", `cannot listen on unix:${path}: another process does`, {
      hint: "stop it, or name another path with --listen",
    });
  }
  await rm(path, { force: true });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(false);
      else reject(cannotListen({ kind: "unix", path }, error));
    });
  });
}

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process does",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "permission denied",
  ENOENT: "its directory is not there",
  ENAMETOOLONG: "the path is too long for a socket",
};

function cannotListen(address: ListenAddress, error: unknown): AppError {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown failure";
  return new AppError("state", `cannot listen on ${describeListen(address)}: ${WHY[code] ?? code}`, {
    hint: "choose another address with --listen",
    cause: error,
  });
}
