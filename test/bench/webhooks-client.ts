import { join } from "node:path";
import { TOKEN } from "./webhooks-servers.ts";

export interface Request {
  readonly method: string;
  readonly path: string;
  /** Sent as JSON; in it, "######" stands for the request's number. */
  readonly body?: unknown;
}

/** Milliseconds from a request's first byte to its answer's last; CPU seconds of the client. */
export interface Load {
  /** Answers of the class 2xx. */
  readonly ok: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly cpu: number;
}

export interface Client {
  load(port: number, request: Request, how: { readonly connections: number; readonly count: number }): Promise<Load>;
}

/** Compiles `webhooks-load.c`: a client in JavaScript would take more of the processors than the server it measures. */
export async function buildClient(directory: string): Promise<Client> {
  const compiler = Bun.which("cc");
  if (compiler === null) throw new Error("the load client is written in C: install cc (apt-get install gcc libc6-dev)");
  const program = join(directory, "webhooks-load");
  await run([compiler, "-O2", "-o", program, join(import.meta.dir, "webhooks-load.c")]);
  return {
    async load(port, request, { connections, count }) {
      const printed = await run([program, String(port), String(connections), String(count)], bytesOf(port, request));
      return JSON.parse(printed) as Load;
    },
  };
}

function bytesOf(port: number, { method, path, body }: Request): string {
  const text = body === undefined ? "" : JSON.stringify(body);
  const head = [
    `${method} ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${TOKEN}`,
    ...(method === "GET" ? [] : ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(text)}`]),
  ];
  return `${head.join("\r\n")}\r\n\r\n${text}`;
}

async function run(command: string[], stdin = ""): Promise<string> {
  const child = Bun.spawn(command, { stdin: Buffer.from(stdin), stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (child.exitCode !== 0) throw new Error(`${command[0]} ended with ${child.exitCode}: ${err}`);
  if (err !== "") console.error(err);
  return out;
}
