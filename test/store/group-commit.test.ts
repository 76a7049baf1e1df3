import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { AppError } from "../../src/errors.ts";
import { type Access, groupCommit } from "../../src/store/group-commit.ts";
import { upload } from "../contracts/job-store.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary.ts";
import { otherProcess } from "./other-process.ts";

let directory: TemporaryDirectory;
let db: Database;
let access: Access;
/** Transactions so far. */
let transactions: number;
/** Waits for the disk; each ends when its resolver is called. */
let waits: PromiseWithResolvers<void>[];
/** Ends waits as soon as they begin. */
let quick: boolean;

beforeEach(() => {
  directory = temporaryDirectory();
  db = new Database(join(directory.path, "test.db"), { create: true, readwrite: true, strict: true });
  db.run("PRAGMA journal_mode = WAL");
  db.run("CREATE TABLE words (word TEXT PRIMARY KEY) STRICT");
  transactions = 0;
  waits = [];
  quick = true;
  access = groupCommit(
    db,
    () => {
      transactions += 1;
    },
    {
      broken: null,
      sync() {
        const wait = Promise.withResolvers<void>();
        waits.push(wait);
        if (quick) wait.resolve();
        return wait.promise;
      },
    },
  );
});

afterEach(async () => {
  await access.close();
  db.close();
  directory[Symbol.dispose]();
});

const insert = (word: string) => access.write(() => db.query("INSERT INTO words VALUES (?)").run(word).changes);

/** As another connection sees them: only what is committed. */
function words(): readonly string[] {
  using other = new Database(join(directory.path, "test.db"), { readonly: true });
  const rows = other.query("SELECT word FROM words ORDER BY rowid").all() as { word: string }[];
  return rows.map(({ word }) => word);
}

describe("the disk", () => {
  const soon = (word: string) => access.writeSoon(() => db.query("INSERT INTO words VALUES (?)").run(word).changes);

  test("is waited for by what must last, and by nothing else", async () => {
    await soon("a");
    expect(waits).toHaveLength(0);
    quick = false;
    let lasting = false;
    const written = insert("b").then(() => {
      lasting = true;
    });
    await soon("c");
    expect(words()).toEqual(["a", "b", "c"]);
    expect(waits).toHaveLength(1);
    expect(lasting).toBe(false);
    waits[0]?.resolve();
    await written;
  });

  test("does not hold up the next transaction", async () => {
    quick = false;
    const first = insert("a");
    await soon("b");
    const second = insert("c");
    await soon("d");
    expect(words()).toEqual(["a", "b", "c", "d"]);
    expect(waits).toHaveLength(2);
    for (const wait of waits) wait.resolve();
    expect(await Promise.all([first, second])).toEqual([1, 1]);
  });

  test("fails those who wait for it when it fails", async () => {
    quick = false;
    const first = insert("a");
    await soon("b");
    waits[0]?.reject(new AppError("state", "no more room"));
    await expect(first).rejects.toMatchObject({ code: "state", message: "no more room" });
    quick = true;
    expect(await insert("c")).toBe(1);
  });

  test("is waited for before an end", async () => {
    quick = false;
    const written = insert("a");
    await soon("b");
    let ended = false;
    const end = access.close().then(() => {
      ended = true;
    });
    await Bun.sleep(20);
    expect(ended).toBe(false);
    waits[0]?.resolve();
    await Promise.all([end, written]);
  });
});

describe("writes of one tick", () => {
  test("share a transaction, in their order", async () => {
    const last = await Promise.all(["a", "b", "c"].map(insert));
    expect(last).toEqual([1, 1, 1]);
    expect(transactions).toBe(1);
    expect(words()).toEqual(["a", "b", "c"]);
    await insert("d");
    expect(transactions).toBe(2);
  });

  test("by the hundred share several, in their order, and let others have a turn in between", async () => {
    const many = Array.from({ length: 1_100 }, (_, n) => `${n}`);
    let turns = 0;
    const ticking = setInterval(() => {
      turns += 1;
    }, 0);
    await Promise.all(many.map(insert));
    clearInterval(ticking);
    expect(words()).toEqual(many);
    expect(transactions).toBeGreaterThan(3);
    expect(transactions).toBeLessThan(12);
    expect(turns).toBeGreaterThan(0);
  });

  test("resolve when they are committed, not before", async () => {
    const written = insert("a");
    expect(words()).toEqual([]);
    await written;
    expect(words()).toEqual(["a"]);
  });

  test("fail alone, and undo only what is theirs", async () => {
    const results = await Promise.allSettled([
      insert("a"),
      access.write(() => {
        db.query("INSERT INTO words VALUES (?)").run("half");
        throw new AppError("state", "lost");
      }),
      insert("a"),
      insert("b"),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    // Once without savepoints, which cost every write; once with one for each, because one has thrown.
    expect(transactions).toBe(2);
    expect(words()).toEqual(["a", "b"]);
  });

  test("one that fails by itself leaves nothing behind, and the next goes on", async () => {
    const half = access.write(() => {
      db.query("INSERT INTO words VALUES (?)").run("half");
      throw new AppError("state", "lost");
    });
    await expect(half).rejects.toMatchObject({ message: "lost" });
    await insert("b");
    expect(words()).toEqual(["b"]);
  });

  test("that follow each other from answers share the next one", async () => {
    await Promise.all(["a", "b"].map((word) => insert(word).then(() => insert(`${word}${word}`))));
    expect(transactions).toBe(2);
    expect(words()).toEqual(["a", "b", "aa", "bb"]);
  });
});

describe("a lock", () => {
  let other: Database;
  beforeEach(() => {
    other = new Database(join(directory.path, "test.db"), { readwrite: true, create: false });
  });
  afterEach(() => other.close());

  test("is waited for while everything else goes on; later writes join", async () => {
    other.run("BEGIN IMMEDIATE");
    const waiting = [insert("a")];
    for (let turn = 0; turn < 3; turn += 1) await Bun.sleep(1);
    waiting.push(insert("b"));
    expect(await access.read(() => db.query("SELECT count(*) AS n FROM words").get())).toEqual({ n: 0 });
    other.run("COMMIT");
    await Promise.all(waiting);
    expect(words()).toEqual(["a", "b"]);
  });
});

test("a full disk fails every write of its tick in words, and what is there stays readable", async () => {
  await insert("a");
  const pages = db.query("PRAGMA page_count").get() as { page_count: number };
  db.run(`PRAGMA max_page_count = ${pages.page_count}`);
  const results = await Promise.allSettled([insert("x".repeat(100_000)), insert("y".repeat(100_000))]);
  for (const result of results) {
    expect(result.status === "rejected" && [result.reason.code, result.reason.message]).toEqual([
      "state",
      "the disk that holds the state directory is full",
    ]);
  }
  expect(await access.read(() => db.query("SELECT count(*) AS n FROM words").get())).toEqual({ n: 1 });
  db.run("PRAGMA max_page_count = 1000000");
  await insert("b");
  expect(words()).toEqual(["a", "b"]);
});

test("a failure that nobody foresaw keeps its own face", async () => {
  await insert("a");
  await expect(insert("a")).rejects.toThrow("UNIQUE constraint failed");
});

test("closing lets writes under way end and refuses later ones", async () => {
  const written = insert("a");
  const closed = access.close();
  await expect(insert("b")).rejects.toMatchObject({ code: "state" });
  await written;
  await closed;
  expect(words()).toEqual(["a"]);
});

test("what a killed process was told is durable, and its last tick is there whole or not at all", async () => {
  for (let round = 0; round < 3; round += 1) {
    const path = join(directory.path, `state-${round}`);
    const other = await otherProcess(path);
    const runId = await other.call("createRun", {});
    let acknowledged = 0;
    const pairs = Array.from({ length: 200 }, (_, n) => [2 * n, 2 * n + 1] as const);
    const writing = (async () => {
      for (const pair of pairs) {
        await other.call(
          "addUploads",
          runId,
          pair.map((n) => upload({ sourceIndex: n, name: `${n}` })),
        );
        acknowledged += 2;
        if (acknowledged === 20 * (round + 1)) void other.kill();
      }
    })();
    await expect(writing).rejects.toThrow("gone");
    using state = new Database(join(path, "hoist.db"), { readwrite: true, create: false });
    const { n } = state.query("SELECT count(*) AS n FROM uploads").get() as { n: number };
    expect(n).toBeGreaterThanOrEqual(acknowledged);
    expect(n % 2).toBe(0);
    expect(state.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  }
});
