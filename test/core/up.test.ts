import { describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "../../src/errors.ts";
import { codeOf, createEngine } from "../support/engine.ts";
import { fakeHost, takeIt } from "../support/fake-host.ts";
import { temporaryDirectory } from "../support/temporary.ts";

function otherFileSystem(): boolean {
  return existsSync("/dev/shm") && statSync("/dev/shm").dev !== statSync(tmpdir()).dev;
}

test("sources of several fates: those that cannot be sent fail alone and without a call", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost();
  await using engine = createEngine({ accounts: { one: fake } });
  const missing = join(directory.path, "missing");
  const summary = await engine.up([missing, directory.file("good", "x"), "/dev/null"], ["one:/a", "one:/b"]);
  expect(summary).toMatchObject({ ok: 2, failed: 4, exit: 3, codes: { source: 4 } });
  expect(fake.attempts).toHaveLength(2);
  expect(engine.events[0]).toMatchObject({ type: "planned", uploads: 6, destinations: 2, bytes: 2 });
  const places = engine.ended().map(({ sourceIndex, destinationIndex }) => `${sourceIndex}.${destinationIndex}`);
  expect(places.slice(0, 4)).toEqual(["0.0", "0.1", "2.0", "2.1"]);
  expect(places.slice(4).sort()).toEqual(["1.0", "1.1"]);
});

test("a usage error among the sources stops everything, and leaves no record", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost();
  await using engine = createEngine({ accounts: { one: fake } });
  await expect(engine.up([directory.file("good", "x"), directory.path], ["one"])).rejects.toMatchObject({
    code: "usage",
  });
  expect(fake.attempts).toEqual([]);
  expect(await Array.fromAsync(engine.store.resumable())).toEqual([]);
  expect(engine.events).toEqual([]);
});

test("a missing credential is told before anything is done", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost();
  await using engine = createEngine({ accounts: { one: fake } });
  const account = engine.world.accounts.get("one");
  Object.assign(account ?? {}, { credentials: () => Promise.reject(new AppError("config", "set HOIST_ONE_PASSWORD")) });
  await expect(engine.up([directory.file("f", "x")], ["one"])).rejects.toMatchObject({ code: "config" });
  expect(fake.opened()).toBe(0);
});

test("a file that changes between the plan and its turn goes as it is then", async () => {
  using directory = temporaryDirectory();
  const fake = fakeHost("fake", { perAccount: 1 });
  const second = directory.file("b", "old");
  fake.behave = async (attempt) => {
    if (attempt.target.name === "a") writeFileSync(second, "newer");
    return takeIt(attempt);
  };
  await using engine = createEngine({ accounts: { one: fake } });
  await engine.up([directory.file("a", "x"), second], ["one"]);
  const upload = engine.ended()[1];
  expect(upload).toMatchObject({ state: "done", outcome: { size: 5 }, source: { size: 5 } });
  expect(upload?.source.mtimeNs).toBe(String(statSync(second, { bigint: true }).mtimeNs));
});

describe("the same upload elsewhere", () => {
  test("in a live process is a failure of this one, or skipped when asked for", async () => {
    using directory = temporaryDirectory();
    using state = temporaryDirectory();
    const fake = fakeHost("fake", { perAccount: 2 });
    const inside = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    fake.behave = async (attempt) => {
      if (attempt.target.name === "shared") {
        inside.resolve();
        await gate.promise;
      }
      return takeIt(attempt);
    };
    const shared = directory.file("shared", "x");
    const own = directory.file("own", "x");
    await using first = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
    await using second = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
    const running = first.up([shared], ["one"]);
    await inside.promise;
    expect(await second.up([shared, own], ["one"])).toMatchObject({ ok: 1, failed: 1, codes: { state: 1 }, exit: 3 });
    expect(await second.up([shared], ["one"])).toMatchObject({ exit: 11 });
    expect(await second.up([shared], ["one"], { run: { skipExisting: true } })).toMatchObject({ skipped: 1, exit: 0 });
    expect(second.ended().at(-1)?.outcome).toMatchObject({ skipReason: "running", url: null });
    gate.resolve();
    expect(await running).toMatchObject({ ok: 1 });
  });

  test("that failed for a while goes on with its checkpoint", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost();
    const found: unknown[] = [];
    fake.behave = async (attempt) => {
      found.push(attempt.ctx.resume);
      await attempt.ctx.phase("sending", { at: 5 });
      throw new AppError("network", "down");
    };
    await using engine = createEngine({ accounts: { one: fake } });
    const source = directory.file("f", "x");
    await engine.up([source], ["one"], { run: { retries: 0 } });
    fake.behave = async (attempt) => {
      found.push(attempt.ctx.resume);
      return takeIt(attempt);
    };
    expect(await engine.up([source], ["one"])).toMatchObject({ ok: 1 });
    expect(found).toEqual([null, { phase: "sending", checkpoint: { at: 5 } }]);
    const [first, second] = engine.ended();
    expect(second?.id).toBe(first?.id ?? "");
    expect(second?.attempts).toBe(2);
  });

  test("with a checkpoint for other content starts anew, and says so", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost();
    fake.behave = async ({ ctx }) => {
      await ctx.phase("stored", { at: 5 });
      throw new AppError("network", "down");
    };
    await using engine = createEngine({ accounts: { one: fake } });
    const source = directory.file("f", "x");
    await engine.up([source], ["one"], { run: { retries: 0 } });
    const id = engine.ended()[0]?.id ?? "";
    writeFileSync(source, "changed");
    let found: unknown;
    fake.behave = async (attempt) => {
      found = attempt.ctx.resume;
      return takeIt(attempt);
    };
    expect(await engine.resume([id])).toMatchObject({ ok: 1 });
    expect(found).toBeNull();
    expect(engine.of("note").map(({ text }) => text)).toEqual([expect.stringContaining("starts anew")]);
  });
});

describe("what is there already", () => {
  test("is known from the ledger by path, size and time, with the link it had", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost();
    await using engine = createEngine({ accounts: { one: fake, two: fake } });
    const source = directory.file("f", "x");
    await engine.up([source], ["one:/a"]);
    const settings = { run: { skipExisting: true } };
    expect(await engine.up([source], ["one:/a", "one:/b", "two:/a"], settings)).toMatchObject({ ok: 2, skipped: 1 });
    const skipped = engine.ended().find(({ outcome }) => outcome?.ok === true && outcome.skipped);
    expect(skipped?.outcome).toMatchObject({ skipReason: "ledger", url: "https://fake.example/f", verified: "size" });
    writeFileSync(source, "y!");
    expect(await engine.up([source], ["one:/a"], settings)).toMatchObject({ ok: 1, skipped: 0 });
    expect(await engine.up([source], ["one:/a"])).toMatchObject({ ok: 1, skipped: 0 });
  });

  test("is known by content with --checksum, whatever it is called", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost();
    await using engine = createEngine({ accounts: { one: fake } });
    await engine.up([directory.file("f", "content")], ["one"], { run: { checksum: true } });
    const settings = { run: { checksum: true, skipExisting: true } };
    const twin = directory.file("twin", "content");
    const other = directory.file("other", "CONTENT");
    expect(await engine.up([twin, other], ["one"], settings)).toMatchObject({ ok: 1, skipped: 1 });
    expect(engine.ended().find(({ name }) => name === "twin")?.outcome).toMatchObject({ skipReason: "ledger" });
  });

  test("is known from the host by name and size", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost();
    fake.existing = async ({ name, folder }, size) =>
      name === "f" && folder === "/a" && size === 3 ? { url: "https://fake.example/there", remoteId: "7" } : null;
    await using engine = createEngine({ accounts: { one: fake } });
    const sources = [directory.file("f", "abc"), directory.file("g", "abc")];
    expect(await engine.up(sources, ["one:/a"], { run: { skipExisting: true } })).toMatchObject({ ok: 1, skipped: 1 });
    expect(engine.ended().find(({ name }) => name === "f")?.outcome).toMatchObject({
      skipReason: "host",
      url: "https://fake.example/there",
      remoteId: "7",
    });
  });

  test("a look that fails is tried again like an attempt, and not repeated after one that worked", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost();
    let looks = 0;
    fake.existing = async () => {
      looks += 1;
      if (looks === 1) throw new AppError("network", "down");
      return null;
    };
    fake.behave = (attempt) =>
      attempt.number === 1 ? Promise.reject(new AppError("network", "down")) : takeIt(attempt);
    await using engine = createEngine({ accounts: { one: fake } });
    const source = directory.file("f", "x");
    expect(await engine.up([source], ["one"], { run: { skipExisting: true } })).toMatchObject({ ok: 1 });
    expect(looks).toBe(2);
  });
});

describe("the source afterwards", () => {
  const remove = { run: { after: { do: "delete" } } } as const;

  test("goes once every destination has it", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost();
    const present: boolean[] = [];
    await using engine = createEngine({ accounts: { one: fake, two: fake, three: fake } });
    const source = directory.file("f", "x");
    engine.onEvent = ({ type }) => type === "ended" && present.push(existsSync(source));
    expect(await engine.up([source], ["one", "two", "three"], remove)).toMatchObject({ ok: 3, exit: 0 });
    expect(present).toEqual([true, true, true]);
    expect(existsSync(source)).toBe(false);
    expect(engine.of("warning")).toEqual([]);
  });

  test("stays when a destination failed, was not confirmed, or the file changed", async () => {
    using directory = temporaryDirectory();
    const good = fakeHost("good");
    const bad = fakeHost("bad");
    bad.behave = () => Promise.reject(new AppError("host_rejected", "no"));
    const silent = fakeHost("silent", { verifies: null });
    silent.behave = async (attempt) => ({ ...(await takeIt(attempt)), verified: null });
    const racing = fakeHost("racing");
    racing.behave = async (attempt) => {
      const result = await takeIt(attempt);
      writeFileSync(`${directory.path}/racing`, "changed after the last byte");
      return result;
    };
    await using engine = createEngine({ accounts: { good, bad, silent, racing } });
    for (const other of ["bad", "silent", "racing"]) {
      const source = directory.file(other, "x");
      await engine.up([source], ["good", other], remove);
      expect(existsSync(source)).toBe(true);
    }
    expect(engine.of("warning").map(({ text }) => text)).toEqual([
      expect.stringContaining("did not confirm"),
      expect.stringContaining("changed"),
    ]);
  });

  test("goes when a later resume brings the last destination", async () => {
    using directory = temporaryDirectory();
    const good = fakeHost("good");
    const late = fakeHost("late");
    late.behave = () => Promise.reject(new AppError("network", "down"));
    await using engine = createEngine({ accounts: { good, late } });
    const source = directory.file("f", "x");
    await engine.up([source], ["good", "late"], { run: { ...remove.run, retries: 0 } });
    expect(existsSync(source)).toBe(true);
    late.behave = takeIt;
    expect(await engine.resume()).toMatchObject({ ok: 1 });
    expect(existsSync(source)).toBe(false);
  });

  test("goes when the ledger has it everywhere; a host's word on name and size is not enough", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost();
    await using engine = createEngine({ accounts: { one: fake } });
    const source = directory.file("f", "x");
    await engine.up([source], ["one:/a"]);
    const settings = { run: { ...remove.run, skipExisting: true } };
    fake.existing = async () => ({ url: "https://fake.example/there", remoteId: null });
    expect(await engine.up([source], ["one:/a", "one:/b"], settings)).toMatchObject({ skipped: 2 });
    expect(existsSync(source)).toBe(true);
    expect(await engine.up([source], ["one:/a"], settings)).toMatchObject({ skipped: 1 });
    expect(existsSync(source)).toBe(false);
  });

  test("stays while another process still sends it somewhere", async () => {
    using directory = temporaryDirectory();
    using state = temporaryDirectory();
    const fake = fakeHost();
    const inside = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    fake.behave = async (attempt) => {
      if (attempt.target.folder === "/busy") {
        inside.resolve();
        await gate.promise;
      }
      return takeIt(attempt);
    };
    const source = directory.file("f", "x");
    await using first = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
    await using second = createEngine({ accounts: { one: fake }, stateDirectory: state.path });
    const running = first.up([source], ["one:/busy"]);
    await inside.promise;
    for (const skipExisting of [false, true]) {
      await second.up([source], ["one:/busy", `one:/free${skipExisting}`], { run: { ...remove.run, skipExisting } });
      expect(existsSync(source)).toBe(true);
    }
    gate.resolve();
    await running;
  });

  test("moves into a directory that is made, and never over another file", async () => {
    using directory = temporaryDirectory();
    const fake = fakeHost();
    await using engine = createEngine({ accounts: { one: fake } });
    const target = join(directory.path, "done", "deep");
    const settings = { run: { after: { do: "move", directory: target } } } as const;
    const first = directory.file("f", "first");
    await engine.up([first], ["one"], settings);
    expect(existsSync(first)).toBe(false);
    expect(readFileSync(join(target, "f"), "utf8")).toBe("first");
    const second = directory.file("f", "second");
    await engine.up([second], ["one"], settings);
    expect(readFileSync(second, "utf8")).toBe("second");
    expect(readFileSync(join(target, "f"), "utf8")).toBe("first");
    expect(engine.of("warning")).toMatchObject([{ text: expect.stringContaining("of that name already") }]);
  });

  test.skipIf(!otherFileSystem())("moves to another file system with its times", async () => {
    using directory = temporaryDirectory();
    const target = mkdtempSync("/dev/shm/hoist-test-");
    try {
      await using engine = createEngine({ accounts: { one: fakeHost() } });
      const source = directory.file("f", "content");
      utimesSync(source, new Date(1_000_000), new Date(2_000_000));
      await engine.up([source], ["one"], { run: { after: { do: "move", directory: target } } });
      expect(engine.of("warning")).toEqual([]);
      expect(existsSync(source)).toBe(false);
      expect(readFileSync(join(target, "f"), "utf8")).toBe("content");
      expect(statSync(join(target, "f")).mtimeMs).toBe(2_000_000);
    } finally {
      rmSync(target, { recursive: true });
    }
  });

  test("that cannot be moved is a warning, not a failure", async () => {
    using directory = temporaryDirectory();
    await using engine = createEngine({ accounts: { one: fakeHost() } });
    const blocked = join(directory.file("file", "x"), "below");
    const source = directory.file("f", "x");
    const summary = await engine.up([source], ["one"], { run: { after: { do: "move", directory: blocked } } });
    expect(summary).toMatchObject({ ok: 1, exit: 0 });
    expect(existsSync(source)).toBe(true);
    expect(engine.of("warning")).toHaveLength(1);
  });

  test("that is a link: the link goes, its file stays", async () => {
    using directory = temporaryDirectory();
    await using engine = createEngine({ accounts: { one: fakeHost() } });
    const file = directory.file("file", "x");
    const link = join(directory.path, "link");
    symlinkSync(file, link);
    await engine.up([link], ["one"], remove);
    expect([existsSync(link), existsSync(file)]).toEqual([false, true]);
  });
});

describe("standard input", () => {
  interface StdinRun {
    readonly exit: number;
    readonly files: readonly string[];
    readonly attempts: number;
    readonly spooled: number;
    readonly codes: readonly (string | null)[];
  }

  /** Runs the engine in a process of its own, with something on its standard input. */
  async function withStdin(input: string, script: string): Promise<StdinRun> {
    using state = temporaryDirectory();
    const support = join(import.meta.dir, "..", "support");
    const program = `
      import { readdirSync } from "node:fs";
      import { codeOf, createEngine } from ${JSON.stringify(join(support, "engine.ts"))};
      import { fakeHost, takeIt } from ${JSON.stringify(join(support, "fake-host.ts"))};
      import { AppError } from ${JSON.stringify(join(support, "../../src/errors.ts"))};
      const fake = fakeHost("fake");
      const sized = fakeHost("sized", { needsSize: true, commits: true });
      const directory = ${JSON.stringify(state.path)};
      const engine = createEngine({ accounts: { one: fake, two: sized }, stateDirectory: directory });
      let exit;
      ${script}
      const spooled = (() => { try { return readdirSync(directory + "/spool").length } catch { return 0 } })();
      const files = [...fake.files, ...sized.files].map(([name, md5]) => name + " " + md5);
      const attempts = fake.attempts.length + sized.attempts.length;
      console.log(JSON.stringify({ exit, files, attempts, spooled, codes: engine.ended().map(codeOf) }));
      await engine[Symbol.asyncDispose]();
    `;
    const child = Bun.spawn([process.execPath, "-e", program], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    const feed = async () => {
      await child.stdin.write(input);
      await child.stdin.end();
    };
    // A child that has failed reads no further.
    await feed().catch(() => {});
    return JSON.parse(await new Response(child.stdout).text());
  }

  const md5 = (text: string) => new Bun.CryptoHasher("md5").update(text).digest("hex");
  const text = "0123456789".repeat(50_000);

  test("is streamed once where no length is needed", async () => {
    const run = await withStdin(text, `exit = (await engine.up(["-"], ["one"], { name: "x" })).exit;`);
    expect(run).toEqual({ exit: 0, files: [`one //x ${md5(text)}`], attempts: 1, spooled: 0, codes: [null] });
  });

  test("that failed on its way is not sent again", async () => {
    const script = `
      fake.behave = async ({ source }) => { for await (const _ of source.open()) break; throw new AppError("network", "broken"); };
      exit = (await engine.up(["-"], ["one"], { name: "x" })).exit;
    `;
    expect(await withStdin(text, script)).toMatchObject({ exit: 5, attempts: 1, codes: ["network"] });
  });

  test("that was not yet touched is", async () => {
    const script = `
      fake.behave = async (attempt) => { if (attempt.number < 3) throw new AppError("network", "down"); return takeIt(attempt); };
      exit = (await engine.up(["-"], ["one"], { name: "x" })).exit;
    `;
    expect(await withStdin(text, script)).toMatchObject({ exit: 0, attempts: 3 });
  });

  test("is copied for several destinations and for hosts that need its size; the copy goes with the last", async () => {
    const script = `
      sized.behave = async (attempt) => {
        if (attempt.number === 1) throw new AppError("network", "down");
        await Bun.sleep(30);
        if (readdirSync(directory + "/spool").length !== 1) throw new Error("the copy went too early");
        const result = await takeIt(attempt);
        sized.files.set("two", result.remoteId);
        return result;
      };
      exit = (await engine.up(["-"], ["one", "two"], { name: "x" })).exit;
    `;
    const run = await withStdin(text, script);
    expect(run).toMatchObject({ exit: 0, attempts: 3, spooled: 0 });
    expect(run.files).toEqual([`one //x ${md5(text)}`, `two ${md5(text)}`]);
  });

  test.each([
    ["host_rejected", 7, 0],
    ["host_auth", 6, 0],
    ["network", 5, 1],
    ["captcha", 10, 1],
  ])("whose upload ends with %s keeps its copy only for a resume", async (code, exit, spooled) => {
    const script = `
      sized.behave = () => Promise.reject(new AppError(${JSON.stringify(code)}, "no", { retry: { again: false } }));
      exit = (await engine.up(["-"], ["two"], { name: "x" })).exit;
    `;
    expect(await withStdin(text, script)).toMatchObject({ exit, spooled, codes: [code] });
  });

  test("goes on from its copy", async () => {
    const script = `
      const down = () => Promise.reject(new AppError("network", "down", { retry: { again: false } }));
      const take = sized.behave;
      sized.behave = down;
      await engine.up(["-"], ["two"], { name: "x" });
      sized.behave = take;
      exit = (await engine.resume()).exit;
    `;
    expect(await withStdin(text, script)).toMatchObject({ exit: 0, files: [`two //x ${md5(text)}`], spooled: 0 });
  });

  test("leaves no copy behind when the plan fails after it", async () => {
    const script = `
      exit = await engine.up(["-", "/"], ["two"], { name: "{n}" }).then(() => 0, (error) => error.exit);
    `;
    expect(await withStdin(text, script)).toMatchObject({ exit: 2, attempts: 0, spooled: 0 });
  });
});

test("a directory's files keep their folders, and its notes are told", async () => {
  using directory = temporaryDirectory();
  mkdirSync(join(directory.path, "t", "sub"), { recursive: true });
  directory.file("t/a", "a");
  directory.file("t/sub/b", "b");
  symlinkSync(directory.path, join(directory.path, "t", "circle"));
  const fake = fakeHost();
  await using engine = createEngine({ accounts: { one: fake } });
  expect(await engine.up([join(directory.path, "t")], ["one:/x"], { recursive: true })).toMatchObject({ ok: 2 });
  expect([...fake.files.keys()].sort()).toEqual(["one /x/t/a", "one /x/t/sub/b"]);
  expect(engine.of("note")).toMatchObject([{ text: expect.stringContaining("circle") }]);
  expect(engine.ended().map(codeOf)).toEqual([null, null]);
  expect(readdirSync(directory.path)).toEqual(["t"]);
});
