import { chmodSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { HOIST } from "../e2e/kit/run.ts";

/** A server under load. */
export interface Server extends AsyncDisposable {
  readonly port: number;
  /** Milliseconds from its start to its first answer. */
  readonly startedMs: number;
  /** CPU seconds so far, without its children's. */
  cpu(): number;
  /** Resident, in MiB. */
  memory(): { readonly now: number; readonly peak: number };
}

export const TOKEN = `token-${"x".repeat(30)}`;

const START_MS = 60_000;
/** Of `/proc/PID/stat`, on every Linux. */
const TICKS_PER_SECOND = 100;

/** Its queue keeps what it is given: nothing listens where the account's host would be. */
export async function startHoist(directory: string, files: string): Promise<Server> {
  const config = join(directory, "hoist.toml");
  writeFileSync(
    config,
    `[accounts.ulozto]
host = "ulozto"
user = "bench"
password = "bench"
url = "http://127.0.0.1:9"
[serve]
roots = ["${files}"]
max_queue = 1000000
[[serve.tokens]]
name = "bench"
secret = "${TOKEN}"
scopes = ["submit", "read", "manage"]
`,
  );
  chmodSync(config, 0o600);
  const port = freePort();
  const args = ["serve", "--config", config, "--state-dir", join(directory, "state"), "--listen", `127.0.0.1:${port}`];
  return start([HOIST, ...args], port, join(directory, "hoist.log"));
}

/** Debian's `webhook` with the same secret to check, and the cheapest command to run; null where it is not installed. */
export async function startWebhook(directory: string): Promise<Server | null> {
  const program = Bun.which("webhook");
  if (program === null) return null;
  const hooks = join(directory, "hooks.json");
  const parameter = { source: "header", name: "Authorization" };
  const hook = {
    id: "jobs",
    "execute-command": "/bin/true",
    "trigger-rule": { match: { type: "value", value: `Bearer ${TOKEN}`, parameter } },
  };
  writeFileSync(hooks, JSON.stringify([hook]));
  const port = freePort();
  const args = ["-hooks", hooks, "-ip", "127.0.0.1", "-port", String(port)];
  return start([program, ...args], port, join(directory, "webhook.log"));
}

async function start(command: string[], port: number, log: string): Promise<Server> {
  const began = performance.now();
  const output = openSync(log, "w", 0o600);
  const child = Bun.spawn(command, { stdin: "ignore", stdout: output, stderr: output, env: { PATH: "/usr/bin:/bin" } });
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`${command[0]} ended: ${await Bun.file(log).text()}`);
    if (performance.now() - began > START_MS) throw new Error(`${command[0]} does not answer`);
    await Bun.sleep(2);
  }
  return {
    port,
    startedMs: performance.now() - began,
    cpu() {
      const [, facts = ""] = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ");
      const [user = 0, system = 0] = facts.split(" ").slice(11, 13).map(Number);
      return (user + system) / TICKS_PER_SECOND;
    },
    memory() {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      const mib = (key: string) => Math.round(Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(status)?.[1]) / 1024);
      return { now: mib("VmRSS"), peak: mib("VmHWM") };
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** Whether a server has begun to serve; hoist says 503 before that. */
function answers(port: number): Promise<boolean> {
  // Not by `fetch`, which would ask a proxy.
  return new Promise((resolve) => {
    const asked = get({ host: "127.0.0.1", port, path: "/healthz", agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode !== 503);
    });
    asked.on("error", () => resolve(false));
  });
}

function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}
