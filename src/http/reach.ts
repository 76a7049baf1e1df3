import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { AppError } from "../errors.ts";
import { classifyFetchError } from "./failure.ts";

/**
 * Connects to a base URL's host, TLS handshake included, and hangs up: nothing is asked for, so no login is spent.
 * Resolves with the milliseconds it took; fails with `network`, `timeout` or `certificate`.
 */
export async function reach(url: string, timeoutMs: number, signal: AbortSignal): Promise<number> {
  const { protocol, hostname, host, port } = new URL(url);
  const name = hostname.replace(/^\[(.*)\]$/, "$1");
  const secure = protocol === "https:";
  const target = { host: name, port: port === "" ? (secure ? 443 : 80) : Number(port) };
  const started = performance.now();
  const done = Promise.withResolvers<void>();
  const socket: Socket = secure
    ? connectTls({ ...target, ...(isIP(name) === 0 ? { servername: name } : {}) }, done.resolve)
    : connectTcp(target, done.resolve);
  const timer = setTimeout(() => {
    done.reject(new AppError("timeout", `no connection to ${host} within ${Math.round(timeoutMs / 1000)} s`));
  }, timeoutMs);
  const stop = () => done.reject(new AppError("cancelled", "stopped"));
  signal.addEventListener("abort", stop, { once: true });
  socket.on("error", done.reject);
  try {
    await done.promise;
    return performance.now() - started;
  } catch (error) {
    throw classifyFetchError(error, host);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    socket.destroy();
  }
}
