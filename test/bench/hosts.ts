import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { testAuthority } from "../e2e/stand-in/tls.ts";
import { startApi } from "./api.ts";

/** Both hosts, their bodies taken by a sink. */
export interface BenchHosts extends AsyncDisposable {
  /** Of the calls around a body. */
  readonly api: string;
  /** Of the bodies. */
  readonly uploads: string;
  readonly sinkPid: number;
  /** Environment in which hoist talks to them. */
  readonly env: Readonly<Record<string, string>>;
}

export interface BenchHostsOptions {
  readonly tls: boolean;
  /** Of the large files that will be sent. */
  readonly md5: string;
  /** Milliseconds before each answer. */
  readonly delayMs?: number;
}

export const caFile = (): string => testAuthority().caFile;

export async function startHosts(
  sink: string,
  directory: string,
  { tls, md5, delayMs = 0 }: BenchHostsOptions,
): Promise<BenchHosts> {
  const { cert, key } = testAuthority().trusted;
  const certFile = join(directory, "cert.pem");
  const keyFile = join(directory, "key.pem");
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  const options = ["--md5", md5, "--delay-ms", String(delayMs), ...(tls ? ["--tls", certFile, keyFile] : [])];
  const child = Bun.spawn([sink, ...options], { stdout: "pipe" });
  const { value } = await child.stdout.getReader().read();
  const uploads = `http${tls ? "s" : ""}://127.0.0.1:${Number(new TextDecoder().decode(value))}`;
  const api = startApi({ uploads, delayMs });
  return {
    api: api.origin,
    uploads,
    sinkPid: child.pid,
    env: {
      HOIST_STATE_DIR: join(directory, "state"),
      NODE_EXTRA_CA_CERTS: caFile(),
      HOIST_UPLOADGIG_URL: api.origin,
      HOIST_UPLOADGIG_USER: "u",
      HOIST_UPLOADGIG_PASSWORD: "p",
      HOIST_ULOZTO_URL: api.origin,
      HOIST_ULOZTO_USER: "u",
      HOIST_ULOZTO_PASSWORD: "p",
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      await api[Symbol.asyncDispose]();
    },
  };
}
