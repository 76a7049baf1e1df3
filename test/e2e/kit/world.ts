import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  type MakeDirectoryOptions,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { testAuthority } from "../stand-in/tls.ts";
import { type UloztoStandIn, ulozTo } from "../stand-in/ulozto.ts";
import { type UploadGigStandIn, uploadGig } from "../stand-in/uploadgig.ts";
import { type Json, parseLines } from "./lines.ts";
import { type Live, type Ran, type RunOptions, start } from "./run.ts";

export interface Outcome extends Ran {
  /** The JSON objects on stdout; fails when a line is none. */
  readonly json: readonly Json[];
  readonly results: readonly Json[];
  readonly result: Json;
  readonly summary: Json;
}

export interface World extends AsyncDisposable {
  readonly gig: UploadGigStandIn;
  readonly ulozto: UloztoStandIn;
  readonly dir: string;
  readonly stateDir: string;
  /** Environment of every run; a test may change it. */
  readonly env: Record<string, string>;
  /** Makes a file below `files/`; a number is a size of random bytes. Returns its absolute path. */
  file(name: string, content?: number | string | Uint8Array): string;
  directory(name: string): string;
  run(args: readonly string[], options?: Partial<RunOptions>): Promise<Outcome>;
  start(args: readonly string[], options?: Partial<RunOptions>): Live;
  /** Violations whose text contains this are what the test is about. */
  expectViolation(text: string): void;
  /** What must hold after every test: strict hosts content, no secret anywhere, no bug of ours. */
  expectClean(): void;
}

export interface Setup {
  readonly tls?: boolean;
  readonly gig?: Parameters<typeof uploadGig>[0];
  readonly ulozto?: Parameters<typeof ulozTo>[0];
  readonly env?: Readonly<Record<string, string>>;
}

/** Worlds at a time: more would only make each of them slow on a small machine. */
const MOST_WORLDS = 6;
let worlds = 0;
const waiting: (() => void)[] = [];

async function takePlace(): Promise<void> {
  if (worlds < MOST_WORLDS) worlds += 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
}

function leavePlace(): void {
  const next = waiting.shift();
  if (next === undefined) worlds -= 1;
  else next();
}

export async function world(setup: Setup = {}): Promise<World> {
  await takePlace();
  const dir = mkdtempSync(join(tmpdir(), "hoist-e2e-"));
  const stateDir = join(dir, "state");
  const tls = setup.tls === undefined ? {} : { tls: setup.tls };
  const canary = () => `canary-${crypto.randomUUID()}`;
  const gigPassword = canary();
  const token = canary();
  const gig = await uploadGig({ password: gigPassword, ...tls, ...setup.gig });
  const ulozto = await ulozTo({ token, ...tls, ...setup.ulozto });
  mkdirSync(join(dir, "home"));
  mkdirSync(join(dir, "files"));
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? "/usr/bin:/bin",
    HOME: join(dir, "home"),
    TMPDIR: dir,
    LANG: "C.UTF-8",
    TZ: "UTC",
    HOIST_STATE_DIR: stateDir,
    HOIST_RETRY_BASE: "10ms",
    HOIST_UPLOADGIG_URL: gig.url,
    HOIST_UPLOADGIG_USER: gig.user,
    HOIST_UPLOADGIG_PASSWORD: gigPassword,
    HOIST_ULOZTO_URL: ulozto.url,
    HOIST_ULOZTO_USER: ulozto.state.login,
    ...(ulozto.state.token === null ? {} : { HOIST_ULOZTO_TOKEN: ulozto.state.token }),
    ...(ulozto.state.password === null ? {} : { HOIST_ULOZTO_PASSWORD: ulozto.state.password }),
    ...(setup.tls ? { NODE_EXTRA_CA_CERTS: testAuthority().caFile } : {}),
    ...setup.env,
  };
  const secrets = [gigPassword, token, ulozto.state.password].filter((one) => one !== null);
  const lives: Live[] = [];
  const accepted: string[] = [];
  const go = (args: readonly string[], options: Partial<RunOptions> = {}): Live => {
    const live = start(args, { cwd: join(dir, "files"), ...options, env: { ...env, ...options.env } });
    lives.push(live);
    return live;
  };
  const make = (path: string, options: MakeDirectoryOptions = { recursive: true }) => mkdirSync(path, options);
  return {
    gig,
    ulozto,
    dir,
    stateDir,
    env,
    file(name, content = 10) {
      const path = join(dir, "files", name);
      make(dirname(path));
      writeFileSync(path, typeof content === "number" ? randomBytes(content) : content);
      return path;
    },
    directory(name) {
      const path = join(dir, "files", name);
      make(path);
      return path;
    },
    start: go,
    run: async (args, options) => outcome(await go(args, options).ended),
    expectViolation: (text) => accepted.push(text),
    expectClean() {
      const violations = [...gig.violations, ...ulozto.violations];
      expect(violations.filter((one) => !accepted.some((text) => one.includes(text)))).toEqual([]);
      const inFlight = [
        ...gig.seen.map((one) => one.head.query.get("identity")),
        ...[...ulozto.state.links.keys(), ...ulozto.state.sessions.keys()],
      ].filter((one) => one !== null);
      for (const live of lives) {
        const said = `${live.out()}${live.err()}`;
        for (const secret of [...secrets.flatMap(spellings), ...inFlight]) expect(said).not.toContain(secret);
        expect(live.err()).not.toMatch(/^\s+at .+:\d+:\d+/m);
      }
      for (const path of filesBelow(stateDir)) {
        const text = readFileSync(path, "latin1");
        for (const secret of secrets.flatMap(spellings))
          if (text.includes(secret)) throw new Error(`a secret in ${path}`);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const live of lives) live.kill("SIGKILL");
      await Promise.all(lives.map((live) => live.ended));
      await Promise.all([gig[Symbol.asyncDispose](), ulozto[Symbol.asyncDispose]()]);
      rmSync(dir, { recursive: true, force: true });
      leavePlace();
    },
  };
}

/** A test over a world of its own that runs beside others and ends with `expectClean`. */
export function scene(name: string, body: (world: World) => Promise<void>, setup: Setup = {}): void {
  test.concurrent(name, async () => {
    await using here = await world(setup);
    await body(here);
    here.expectClean();
  }, 30_000);
}

function outcome(ran: Ran): Outcome {
  if (ran.code === 1) throw new Error(`hoist has a bug (exit 1):\n${ran.out}\n${ran.err}`);
  const lines = () => parseLines(ran.out);
  const results = () => lines().filter((line) => line.type === "result");
  return {
    ...ran,
    get json() {
      return lines();
    },
    get results() {
      return results();
    },
    get result() {
      const [only, ...more] = results();
      if (only === undefined || more.length > 0) throw new Error(`not one result:\n${ran.out}\n${ran.err}`);
      return only;
    },
    get summary() {
      const last = lines().at(-1);
      if (last?.type !== "summary") throw new Error(`the last line is no summary:\n${ran.out}\n${ran.err}`);
      return last;
    },
  };
}

/** Random for 64 KiB, then that again and again with a counter in front, so that no two pages are alike. */
export function randomBytes(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  const page = crypto.getRandomValues(new Uint8Array(Math.min(size, 65_536)));
  for (let at = 0; at < size; at += page.length) {
    bytes.set(size - at < page.length ? page.subarray(0, size - at) : page, at);
    if (size - at >= 8) new DataView(bytes.buffer).setUint32(at, at);
  }
  return bytes;
}

export const md5 = (content: string | Uint8Array) => createHash("md5").update(content).digest("hex");
export const md5Of = (path: string) => md5(readFileSync(path));

const spellings = (secret: string) => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString("base64").replace(/=+$/, ""),
];

export function filesBelow(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
}
