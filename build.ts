/**
 * `bun build.ts` makes dist/hoist for this machine and runs it once. `bun build.ts --all` makes every release target
 * and dist/SHA256SUMS; Bun takes the foreign base executables from the npm registry by itself.
 */
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import pkg from "./package.json" with { type: "json" };
import { HOSTS } from "./src/hosts/registry.ts";
import { startSandbox } from "./src/hosts/sandbox-server.ts";

const ROOT = import.meta.dir;
const DIST = join(ROOT, "dist");

/** Bun's own names of the targets; a release file is called like its target, with `hoist` for `bun`. */
const TARGETS = [
  "bun-linux-x64",
  "bun-linux-x64-baseline",
  "bun-linux-x64-musl",
  "bun-linux-arm64",
  "bun-darwin-arm64",
  "bun-darwin-x64",
  "bun-windows-x64",
] as const satisfies readonly Bun.Build.CompileTarget[];
type Target = (typeof TARGETS)[number];

/** Startup code is seldom run often enough to be worth a compilation: src/main.ts goes back to 1. */
const STARTUP_JIT_POLICY = 16;

const { commit, built } = commitOf(ROOT);
await mkdir(DIST, { recursive: true });
const work = await mkdtemp(join(DIST, ".record-"));
try {
  if (process.argv.slice(2).includes("--all")) await buildAll(await recordStarts(work));
  else await buildHere(await recordStarts(work).catch(withoutRecord));
} finally {
  await rm(work, { recursive: true });
}

async function buildHere(starts: string[]): Promise<void> {
  const file = join(DIST, process.platform === "win32" ? "hoist.exe" : "hoist");
  await compile(file, null, starts);
  console.error(`${file}: ${runs(file)}`);
}

/**
 * Which functions a start needs, recorded by a first binary that uploads to the sandbox: side by side in the next one
 * they take less time and memory. One record serves every target.
 */
async function recordStarts(directory: string): Promise<string[]> {
  const file = join(directory, process.platform === "win32" ? "first.exe" : "first");
  await compile(file, null, []);
  await using sandbox = await startSandbox({
    hosts: HOSTS,
    port: 0,
    faults: [],
    storeDir: null,
    observe: () => {},
  });
  const source = join(directory, "file");
  await writeFile(source, "x");
  const start = async (name: string, ...args: string[]): Promise<string> => {
    const order = join(directory, `${name}.order`);
    const own = { HOIST_STATE_DIR: join(directory, "state"), XDG_CONFIG_HOME: directory };
    const child = Bun.spawn([file, ...args], {
      env: { ...sandbox.environment, ...own, BUN_BYTECODE_ORDER_OUT: order },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      timeout: 30_000,
    });
    const said = await new Response(child.stderr).text();
    if ((await child.exited) !== 0 || !existsSync(order)) throw new Error(`hoist ${args.join(" ")}: ${said}`);
    return order;
  };
  return [
    await start("up", "up", "--quiet", "--retries", "0", source, "--to", "ulozto", "--to", "uploadgig"),
    await start("version", "--version"),
  ];
}

/** Where nothing may be run, or no server reached even here, the binary does all the same and starts more slowly. */
function withoutRecord(error: unknown): string[] {
  console.error(`built without a record of a start, which could not be made: ${Bun.inspect(error)}`);
  return [];
}

async function buildAll(starts: string[]): Promise<void> {
  const sums: string[] = [];
  for (const target of TARGETS) {
    const name = `${target.replace("bun", "hoist")}${target.includes("windows") ? ".exe" : ""}`;
    const file = join(DIST, name);
    await compile(file, target, starts);
    const bytes = await Bun.file(file).arrayBuffer();
    assertFormat(target, new Uint8Array(bytes, 0, 4));
    console.error(`${file}: ${isOurs(target) ? runs(file) : "built, not run: another platform"}`);
    sums.push(`${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}  ${name}\n`);
  }
  await writeFile(join(DIST, "SHA256SUMS"), sums.join(""));
}

async function compile(file: string, target: Target | null, bytecodeOrder: string[]): Promise<void> {
  const fresh = join(dirname(file), `.new-${basename(file)}`);
  const result = await Bun.build({
    // A thread is an entry point of its own; one that is not named here fails only when it is started.
    entrypoints: [join(ROOT, "src/main.ts"), join(ROOT, "src/io/hash-worker.ts")],
    // Flat, as the chunks are: a URL beside a module then leads to the thread in the binary as it does in src/io.
    naming: { entry: "[name].[ext]" },
    // Commands are chunks of their own, loaded when they are asked for.
    splitting: true,
    minify: true,
    // Bytecode without `format: "esm"` makes a broken binary and reports success.
    bytecode: true,
    format: "esm",
    define: { HOIST_COMMIT: JSON.stringify(commit), HOIST_BUILT: JSON.stringify(built) },
    compile: {
      ...(target === null ? {} : { target }),
      outfile: fresh,
      jitPolicy: STARTUP_JIT_POLICY,
      ...(bytecodeOrder.length === 0 ? {} : { bytecodeOrder }),
      // The user's directory is not ours: nothing in it may configure or preload this program.
      autoloadBunfig: false,
      autoloadDotenv: false,
      execArgv: ["--use-system-ca"],
    },
  });
  for (const log of result.logs) console.error(String(log));
  if (!result.success || !existsSync(fresh)) throw new Error(`${file} was not built`);
  await chmod(fresh, 0o755);
  // A binary that is running cannot be written to, but its name can be given to another.
  await rename(fresh, file);
}

/** What the binary says of itself. Fails when it does not run: a build can succeed and still be broken. */
function runs(file: string): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([file, "--version"], { stdin: "ignore", timeout: 30_000 });
  const said = stdout.toString().trim();
  if (exitCode === 0 && said.includes(pkg.version)) return said;
  throw new Error(`${file} --version ended with ${exitCode} and said: ${said}${stderr.toString()}`);
}

/** Whether this machine can run it: its platform, and the C library that Bun itself runs with. */
function isOurs(target: Target): boolean {
  const [, os, arch, variant] = target.split("-");
  if (os !== process.platform || arch !== process.arch) return false;
  const onMusl = os === "linux" && readFileSync("/proc/self/maps", "utf8").includes("/ld-musl-");
  return (variant === "musl") === onMusl;
}

/** ELF, Mach-O or PE, as the target wants it. */
function assertFormat(target: Target, head: Uint8Array): void {
  const magic = Buffer.from(head).toString("latin1");
  const wanted = target.includes("linux") ? "\x7fELF" : target.includes("darwin") ? "\xcf\xfa\xed\xfe" : "MZ";
  if (!magic.startsWith(wanted)) throw new Error(`${target} has no executable of its platform`);
}

function commitOf(directory: string): { readonly commit: string; readonly built: string } {
  const git = (...args: string[]) => {
    const { exitCode, stdout } = Bun.spawnSync(["git", "-C", directory, ...args], { stderr: "ignore" });
    return exitCode === 0 ? stdout.toString().trim() : "";
  };
  const unknown = { commit: "unknown", built: "unknown" };
  if (Bun.which("git") === null) return unknown;
  // A source archive unpacked inside another project's checkout is not of that project's commit.
  if (git("ls-files", "build.ts") === "") return unknown;
  const [commit = "", built = ""] = git("log", "-1", "--abbrev=12", "--format=%h %cI").split(" ");
  if (commit === "") return unknown;
  return { commit: git("status", "--porcelain", "--untracked-files=no") === "" ? commit : `${commit}+`, built };
}
