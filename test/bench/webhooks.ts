/**
 * How many uploads a second `hoist serve` takes, every one on disk before its 202, and what a long queue costs:
 * `bun run bench:webhooks`. Beside it, in the same run and under the same client, Debian's
 * `webhook`, which answers before its command has run and stores nothing. Prints tables and keeps the figures in
 * bench.json; nothing is judged.
 *
 * Every request names a file of its own, as senders do that tell of what they have just made, and brings its token. The
 * account is paused, so that the queue only grows. Server and client share two processors.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildClient, type Client, type Request } from "./webhooks-client.ts";
import { type Server, startHoist, startWebhook } from "./webhooks-servers.ts";

const JOBS = Number(process.env.HOIST_BENCH_JOBS ?? "100000");
/** Each starts a process. */
const HOOKS = Math.min(JOBS, 20_000);
const CONNECTIONS = 32;
const LOOKS = 101;
const NUMBER = "######";

const directory = mkdtempSync(join(tmpdir(), "hoist-bench-"));
try {
  const client = await buildClient(directory);
  const files = makeFiles(join(directory, "files"));
  const job = { path: join(files, `episode-${NUMBER}.mkv`), to: ["ulozto:/Series"] };
  const { accepting, queue } = await measureHoist(client, files, { method: "POST", path: "/v1/jobs", body: job });
  const beside = await measureWebhook(client, { method: "POST", path: "/hooks/jobs", body: job });
  console.table([accepting, beside]);
  console.table(queue);
  keep({ jobs: JOBS, connections: CONNECTIONS, accepting: [accepting, beside], queue });
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function measureHoist(client: Client, files: string, add: Request) {
  const queue: Record<string, string>[] = [];
  const tell = (what: string, figure: string) => queue.push({ [`with ${JOBS} queued jobs`]: what, figure });
  const get = async (server: Server, path: string) => {
    const { p50, p99 } = await client.load(server.port, { method: "GET", path }, { connections: 1, count: LOOKS });
    tell(`GET ${path}`, `${p50} ms (p99 ${p99} ms)`);
  };
  let accepting: Record<string, unknown>;
  {
    await using hoist = await startHoist(directory, files);
    tell("memory while empty", `${hoist.memory().now} MiB`);
    await client.load(hoist.port, { method: "POST", path: "/v1/accounts/ulozto/pause" }, { connections: 1, count: 1 });
    accepting = await measure("hoist serve: stored, then 202", client, hoist, add, JOBS);
    tell("memory", `${hoist.memory().now} MiB (peak ${hoist.memory().peak} MiB)`);
    await get(hoist, "/v1/jobs?limit=50");
    await get(hoist, "/v1/jobs?limit=50&state=waiting");
    await get(hoist, "/v1/jobs?limit=50&state=queued");
    await get(hoist, "/v1/jobs?limit=50&state=failed");
    await get(hoist, "/v1/jobs?limit=50&account=ulozto");
    await get(hoist, "/v1/jobs?limit=50&account=uploadgig");
    await get(hoist, "/v1/accounts");
    await get(hoist, "/metrics");
  }
  await using again = await startHoist(directory, files);
  tell("start", `${again.startedMs.toFixed(0)} ms`);
  tell("memory after the start", `${again.memory().now} MiB (peak ${again.memory().peak} MiB)`);
  return { accepting, queue };
}

async function measureWebhook(client: Client, hook: Request): Promise<Record<string, unknown>> {
  await using webhook = await startWebhook(directory);
  if (webhook === null) return { server: "webhook: not installed (apt-get install webhook)" };
  return await measure("webhook: 200, then /bin/true; nothing stored", client, webhook, hook, HOOKS);
}

async function measure(server: string, client: Client, { port, cpu }: Server, request: Request, count: number) {
  const before = cpu();
  const {
    seconds,
    ok,
    p50,
    p99,
    max,
    cpu: clients,
  } = await client.load(port, request, { connections: CONNECTIONS, count });
  return {
    server,
    requests: count,
    accepted: ok,
    "accepted/s": Math.round(ok / seconds),
    "p50 ms": p50,
    "p99 ms": p99,
    "max ms": max,
    "server µs of CPU each": Math.round(((cpu() - before) / count) * 1e6),
    "client µs of CPU each": Math.round((clients / count) * 1e6),
  };
}

function makeFiles(files: string): string {
  mkdirSync(files);
  for (let n = 0; n < JOBS; n += 1) {
    writeFileSync(join(files, `episode-${String(n).padStart(NUMBER.length, "0")}.mkv`), "x");
  }
  return files;
}

/** Under a name of its own, beside what other benchmarks have left there. */
function keep(webhooks: unknown): void {
  const path = "bench.json";
  const others = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : {};
  writeFileSync(path, `${JSON.stringify({ ...others, webhooks }, null, 2)}\n`);
}
