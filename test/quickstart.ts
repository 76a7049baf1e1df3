/**
 * The README's first command: starts `hoist sandbox`, uploads a real file to both simulated hosts with the built
 * binary, downloads it again through the links that hoist printed, and compares. Touches no configuration of yours.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { HOSTS } from "../src/hosts/registry.ts";
import { exemptLoopbackFromProxy } from "../src/http/proxy.ts";

const HOIST = resolve(import.meta.dir, "../dist", process.platform === "win32" ? "hoist.exe" : "hoist");
/** The program uploads itself: a file of a real size that every build has. */
const FILE = HOIST;

const home = mkdtempSync(join(tmpdir(), "hoist-quickstart-"));
const accounts = Object.keys(HOSTS);
const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("HOIST_"));
const env = { ...Object.fromEntries(inherited), HOIST_STATE_DIR: join(home, "state"), XDG_CONFIG_HOME: home };
exemptLoopbackFromProxy(process.env);

const sandbox = Bun.spawn([HOIST, "sandbox", "--store", join(home, "received")], {
  env,
  stdin: "ignore",
  stdout: "pipe",
  stderr: "inherit",
});
// Whatever hangs, ends: without the sandbox every step fails.
const giveUp = setTimeout(() => sandbox.kill(), 120_000);
try {
  const both = { ...env, ...(await printedEnvironment(sandbox.stdout)) };
  const args = ["up", FILE, "--to", accounts.join(","), "--format", "url"];
  console.error(`\n$ hoist up dist/hoist --to ${accounts.join(",")}`);
  const up = Bun.spawn([HOIST, ...args], { env: both, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const links = (await new Response(up.stdout).text()).trim().split("\n");
  const code = await up.exited;
  if (code !== 0 || links.length !== accounts.length) throw new Error(`hoist up ended with ${code}: ${links}`);
  const sent = await digest(Bun.file(FILE).stream());
  for (const link of links) {
    const { body, status } = await fetch(link);
    if (body === null || status !== 200) throw new Error(`${link} answers ${status}`);
    if ((await digest(body)) !== sent) throw new Error(`${link} is not what was uploaded`);
    console.log(link);
  }
  console.error(`\nUploaded to ${accounts.length} hosts, downloaded again, identical. Now you: dist/hoist --help`);
} finally {
  clearTimeout(giveUp);
  sandbox.kill("SIGTERM");
  await sandbox.exited;
  rmSync(home, { recursive: true, force: true });
}

/** What the sandbox prints for a shell: `export NAME=value`, one line for each variable of each host. */
async function printedEnvironment(stdout: ReadableStream<Uint8Array>): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  let text = "";
  for await (const chunk of stdout as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) {
    text += new TextDecoder().decode(chunk);
    for (const [, name = "", value = ""] of text.matchAll(/^export (\w+)='?(.*?)'?$/gm)) found[name] = value;
    if (text.endsWith("\n") && accounts.every((account) => isComplete(account, found))) return found;
  }
  throw new Error("the sandbox did not start");
}

function isComplete(account: string, found: Readonly<Record<string, string>>): boolean {
  const has = (field: string) => found[`HOIST_${account.toUpperCase()}_${field}`] !== undefined;
  return has("URL") && has("USER") && (has("PASSWORD") || has("TOKEN"));
}

async function digest(stream: ReadableStream<Uint8Array>): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of stream as ReadableStream<Uint8Array> & AsyncIterable<Uint8Array>) hasher.update(chunk);
  return hasher.digest("hex");
}
