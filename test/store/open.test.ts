import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { JobStore } from "../../src/core/job-store.ts";
import { openStore } from "../../src/store/open.ts";
import { SCHEMA_1, SCHEMA_2 } from "../../src/store/schema.ts";
import { idOf, upload } from "../contracts/job-store.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary.ts";
import { otherProcess } from "./other-process.ts";

let temporary: TemporaryDirectory;
let directory: string;
beforeEach(() => {
  temporary = temporaryDirectory();
  directory = join(temporary.path, "state", "hoist");
});
afterEach(() => temporary[Symbol.dispose]());

const open = () => openStore({ directory, command: "hoist test" });
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

async function filled(): Promise<string> {
  await using store = open();
  const [added] = await store.addUploads(await store.createRun({}), [upload({ labels: { secret: "label" } })]);
  await store.fingerprint("secret");
  return idOf(added);
}

/** The database as somebody else's program opens it. */
function raw(): Database {
  return new Database(join(directory, "hoist.db"), { create: true, readwrite: true, strict: true });
}

describe("rights", () => {
  test.each([0o000, 0o022, 0o077])("a new directory and its files are private, with umask %o", async (umask) => {
    const before = process.umask(umask);
    try {
      await using store = open();
      await store.createRun({});
      await store.fingerprint("secret");
      expect(mode(directory)).toBe("700");
      const files = readdirSync(directory).sort();
      expect(files).toEqual(["fingerprint.key", "hoist.db", "hoist.db-shm", "hoist.db-wal"]);
      expect(files.map((file) => mode(join(directory, file)))).toEqual(["600", "600", "600", "600"]);
    } finally {
      process.umask(before);
    }
  });

  test("what others could read is closed to them", async () => {
    await using first = open();
    await first.createRun({});
    chmodSync(directory, 0o755);
    for (const file of ["hoist.db", "hoist.db-wal", "hoist.db-shm"]) chmodSync(join(directory, file), 0o664);
    await using second = open();
    await second.createRun({});
    expect(mode(directory)).toBe("700");
    for (const file of ["hoist.db", "hoist.db-wal", "hoist.db-shm"]) expect(mode(join(directory, file))).toBe("600");
  });

  test("a file where the directory should be is told", () => {
    writeFileSync(join(temporary.path, "state"), "");
    expect(open).toThrow(expect.objectContaining({ code: "state", message: expect.stringContaining("a file stands") }));
  });

  test("a directory where the database should be is told", () => {
    mkdirSync(join(directory, "hoist.db"), { recursive: true });
    expect(open).toThrow(expect.objectContaining({ code: "state", hint: expect.stringContaining("--state-dir") }));
  });
});

describe("an existing database", () => {
  test("is found again with everything in it", async () => {
    const id = await filled();
    await using store = open();
    expect(await store.get(id)).toMatchObject({ id, labels: { secret: "label" } });
  });

  test("leaves nothing but itself behind", async () => {
    await filled();
    expect(readdirSync(directory).sort()).toEqual(["fingerprint.key", "hoist.db"]);
  });

  test("that is empty gets its tables in its place", async () => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "hoist.db"), "");
    const before = statSync(join(directory, "hoist.db")).ino;
    await filled();
    expect(statSync(join(directory, "hoist.db")).ino).toBe(before);
    expect(readdirSync(directory).sort()).toEqual(["fingerprint.key", "hoist.db"]);
  });

  test("has the same tables whether it was put there whole or made in its place", async () => {
    const tables = () => {
      using db = raw();
      expect(db.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
      expect(db.query("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
      return [db.query("SELECT type, name, sql FROM sqlite_schema").all(), db.query("PRAGMA user_version").get()];
    };
    await filled();
    const whole = tables();
    rmSync(join(directory, "hoist.db"));
    writeFileSync(join(directory, "hoist.db"), "");
    await filled();
    expect(whole).toEqual(tables());
  });

  test("that is lost takes its log with it", async () => {
    mkdirSync(directory, { recursive: true });
    const child = await otherProcess(directory);
    const lost = await child.call("createRun", {});
    await child.kill();
    expect(readdirSync(directory)).toContain("hoist.db-wal");
    rmSync(join(directory, "hoist.db"));
    await using store = open();
    expect(await store.runOptions(lost)).toBeNull();
    using db = raw();
    expect(db.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  });

  test("gets rid of what a process left that died while it made one", async () => {
    mkdirSync(directory, { recursive: true });
    const [old, young] = ["1", "2"].map((id) => join(directory, `hoist.db.new-${id}`));
    for (const path of [old, young]) writeFileSync(path ?? "", "");
    utimesSync(old ?? "", 1, 1);
    await filled();
    expect(readdirSync(directory).sort()).toEqual(["fingerprint.key", "hoist.db", "hoist.db.new-2"]);
  });

  test("may be a link to a file elsewhere", async () => {
    await filled();
    const elsewhere = join(temporary.path, "elsewhere.db");
    renameSync(join(directory, "hoist.db"), elsewhere);
    symlinkSync(elsewhere, join(directory, "hoist.db"));
    await using store = open();
    // Waits for the disk.
    await store.openRun(await store.createRun({}));
    expect(readdirSync(temporary.path)).toContain("elsewhere.db-wal");
  });

  test("opens although something left there cannot be taken away", async () => {
    const stuck = join(directory, "hoist.db.new-1");
    mkdirSync(stuck, { recursive: true });
    utimesSync(stuck, 1, 1);
    await filled();
    expect(readdirSync(directory).sort()).toEqual(["fingerprint.key", "hoist.db", "hoist.db.new-1"]);
  });

  test("keeps its fingerprints, and starts anew when their key is lost", async () => {
    await filled();
    const fingerprint = async () => {
      await using store = open();
      return store.fingerprint("secret");
    };
    const before = await fingerprint();
    expect(await fingerprint()).toBe(before);
    writeFileSync(join(directory, "fingerprint.key"), "cut");
    const after = await fingerprint();
    expect(after).not.toBe(before);
    expect(await fingerprint()).toBe(after);
  });

  test("of a newer hoist is refused and left as it is", async () => {
    await filled();
    {
      using db = raw();
      db.run("PRAGMA user_version = 1000");
    }
    expect(open).toThrow(expect.objectContaining({ code: "state", message: expect.stringContaining("newer version") }));
    using db = raw();
    expect(db.query("PRAGMA user_version").get()).toEqual({ user_version: 1000 });
  });

  test("that is no database is told", async () => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "hoist.db"), "not a database, ".repeat(100));
    expect(open).toThrow(expect.objectContaining({ code: "state", message: expect.stringContaining("no database") }));
  });

  test("that somebody else keeps locked is told, in the end", async () => {
    await using store = open();
    await store.createRun({});
    using db = raw();
    db.run("BEGIN IMMEDIATE");
    const waiting = store.createRun({});
    const soon = await Promise.race([waiting.then(() => "written"), Bun.sleep(300).then(() => "waits")]);
    expect(soon).toBe("waits");
    expect(await store.get("any")).toBeNull();
    db.run("COMMIT");
    expect(await waiting).toBeString();
  });
});

describe("a database that somebody has edited", () => {
  test.each([
    ["labels", "'{'"],
    ["labels", `'{"a":1}'`],
    ["state", "'sleeping'"],
    ["phase", "''"],
    ["checkpoint", "'undefined'"],
    ["outcome", `'{"ok":"perhaps"}'`],
    ["outcome", `'{"ok":false,"error":{"code":"made up"}}'`],
    ["outcome", "'nothing'"],
    ["source_mtime_ns", "'yesterday'"],
    ["source_inode", "'12'"],
    ["source_size", "-1"],
    ["fence", "-1"],
  ])("%s = %s is told as damage, without its content", async (column, value) => {
    const id = await filled();
    {
      using db = raw();
      db.run(`UPDATE uploads SET ${column} = ${value}`);
    }
    await using store = open();
    const failure = await store.get(id).then(
      () => null,
      (error) => error,
    );
    expect(failure).toMatchObject({ code: "state", message: expect.stringContaining("damaged") });
    expect(`${failure.message} ${failure.hint} ${failure.cause}`).not.toContain('label"');
  });

  test("a run's options that are no JSON are told as damage", async () => {
    let runId: string;
    {
      await using store = open();
      runId = await store.createRun({});
    }
    using db = raw();
    db.run("UPDATE runs SET options = '{'");
    await using store = open();
    await expect(store.runOptions(runId)).rejects.toMatchObject({ code: "state" });
  });

  test("a missing table is told as damage, and other tables still work", async () => {
    await using store = open();
    await store.createRun({});
    using db = raw();
    db.run("DROP TABLE locks");
    await expect(store.takeLock("x")).rejects.toMatchObject({ code: "state" });
    expect(await store.createRun({})).toBeString();
  });

  test("a damaged upload does not hide the others", async () => {
    await using store = open();
    const runId = await store.createRun({});
    const added = await store.addUploads(runId, [upload(), upload({ sourceIndex: 1, name: "2" })]);
    await store.openRun(runId);
    using db = raw();
    db.run("UPDATE uploads SET phase = 'lost' WHERE source_index = 0");
    const good = store.get(idOf(added[1]));
    await expect(store.get(idOf(added[0]))).rejects.toMatchObject({ code: "state" });
    expect(await good).toMatchObject({ name: "2" });
    await expect(store.claim(runId, new Set())).rejects.toMatchObject({ code: "state" });
    expect(await store.queued(runId)).toEqual(new Map([[upload().accountKey, 2]]));
  });
});

describe("several processes", () => {
  test("may open a new directory at once", async () => {
    const openAt = Date.now() + 300;
    const others = await Promise.all([1, 2, 3, 4].map(() => otherProcess(directory, openAt)));
    try {
      const runs = await Promise.all(others.map((other) => other.call("createRun", {})));
      await using store = open();
      for (const run of runs) expect(await store.runOptions(run)).toEqual({});
    } finally {
      await Promise.all(others.map((other) => other[Symbol.asyncDispose]()));
    }
  });

  test("one of an earlier version is brought to this one, with what is in it", async () => {
    mkdirSync(directory, { recursive: true });
    {
      using db = raw();
      db.run(SCHEMA_1);
      db.run("PRAGMA user_version = 1");
      db.run("INSERT INTO accounts (account_key, cool_downs, paused) VALUES ('a', 2, 1)");
    }
    await using store = open();
    expect(await store.account("a")).toMatchObject({ coolDowns: 2, paused: true, pausedBecause: null });
  });

  test("one waits for another that is making the tables, and then for its readers", async () => {
    mkdirSync(directory, { recursive: true });
    using db = raw();
    db.run("BEGIN IMMEDIATE");
    const opening = otherProcess(directory);
    // Long enough to have looked at the empty database; a slower one only makes the test easier.
    await Bun.sleep(300);
    db.run(SCHEMA_1);
    db.run(SCHEMA_2);
    db.run("PRAGMA user_version = 2");
    db.run("COMMIT");
    db.run("BEGIN");
    db.query("SELECT count(*) FROM runs").get();
    await Bun.sleep(150);
    db.run("COMMIT");
    await using other = await opening;
    expect(await other.call("createRun", {})).toBeString();
    using fresh = raw();
    expect(fresh.query("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  });

  test("one that only looks is not there for others", async () => {
    let id: string;
    {
      await using store = open();
      await store.createRun({});
      await using looking = open();
      await Array.fromAsync(looking.history({}));
      await Array.fromAsync(looking.resumable());
      id = looking.owner.id;
      using db = raw();
      expect(db.query("SELECT id FROM owners").all()).toEqual([{ id: store.owner.id }]);
    }
    using db = raw();
    expect(db.query("SELECT id FROM owners").all()).toEqual([]);
    expect(id).not.toBeEmpty();
  });
});

describe("an owner that cannot be looked at", () => {
  test("hears this one's heart every five seconds", async () => {
    let clock = 1_800_000_000_000;
    jest.useFakeTimers();
    try {
      await using store = openStore({ directory, command: "hoist test", now: () => clock });
      await store.createRun({});
      using db = raw();
      const beat = () => db.query("SELECT heartbeat_at AS at FROM owners").get();
      for (const [passed, heard] of [
        [4_999, 0],
        [1, 5_000],
        [5_000, 10_000],
      ] as const) {
        clock += passed;
        jest.advanceTimersByTime(passed);
        await store.createRun({});
        expect(beat()).toEqual({ at: 1_800_000_000_000 + heard });
      }
    } finally {
      jest.useRealTimers();
    }
  });

  test.each([
    ["is alive while its heart beats", 29_000, false],
    ["is dead without a heartbeat for 30 s", 30_000, true],
  ])("%s", async (_, silence, dead) => {
    let clock = 1_800_000_000_000;
    const at = (command: string): JobStore => openStore({ directory, command, now: () => clock });
    await using far = at("hoist far");
    await far.takeLane("account", 1);
    {
      using db = raw();
      db.run("UPDATE owners SET boot_id = 'another machine'");
    }
    await using near = at("hoist near");
    clock += silence;
    expect((await near.takeLane("account", 1)).granted).toBe(dead);
  });
});
