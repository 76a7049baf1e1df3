import { describe, expect, test } from "bun:test";
import { readdirSync, readlinkSync, rmSync } from "node:fs";
import { appendFile, mkdir, rename, symlink, truncate, unlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { AppError } from "../../src/errors.ts";
import { hashFile } from "../../src/io/hash-file.ts";
import { type FileSource, openFile, type Source, type SourceOptions } from "../../src/io/source.ts";
import { streamSource } from "../../src/io/stream-source.ts";
import { createThrottle } from "../../src/io/throttle.ts";
import { bytesOf, temporaryDirectory } from "../support/temporary.ts";

const MIB = 1024 * 1024;
const PLAIN: SourceOptions = { hash: false };

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk.slice());
  return new Uint8Array(Buffer.concat(parts));
}

function md5(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("md5").update(bytes).digest("hex");
}

async function failureOf(work: () => unknown): Promise<AppError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("nothing failed");
}

/** Descriptors of this process that lead to a path. */
function descriptorsOf(path: string): number {
  return readdirSync("/proc/self/fd").filter((number) => {
    try {
      return readlinkSync(`/proc/self/fd/${number}`).startsWith(path);
    } catch {
      return false;
    }
  }).length;
}

/** Bun closes its duplicates a moment later. */
async function expectClosed(path: string): Promise<void> {
  const deadline = performance.now() + 2000;
  while (descriptorsOf(path) > 0 && performance.now() < deadline) await Bun.sleep(2);
  expect(descriptorsOf(path)).toBe(0);
}

describe("an opened file", () => {
  test.each([0, 1, 262_143, 262_144, 262_145, 3 * MIB + 17])("gives its %d bytes at each opening", async (size) => {
    using directory = temporaryDirectory();
    const content = bytesOf(size);
    using file = openFile(directory.file("f", content), { hash: true });
    for (let round = 0; round < 2; round += 1) {
      expect(Buffer.compare(await readAll(file.open()), content)).toBe(0);
      expect(file.bytesRead).toBe(size);
      expect(file.md5()).toBe(md5(content));
    }
  });

  test("gives ranges, several at a time", async () => {
    using directory = temporaryDirectory();
    const content = bytesOf(2 * MIB);
    using file = openFile(directory.file("f", content), PLAIN);
    const ranges = [
      { start: 0, end: 1 },
      { start: MIB, end: 2 * MIB },
      { start: 12_345, end: 999_999 },
      { start: 7, end: 7 },
      { start: 0, end: 2 * MIB },
    ];
    const parts = await Promise.all(ranges.map((range) => readAll(file.open(range))));
    for (const [index, { start, end }] of ranges.entries()) {
      expect(Buffer.compare(parts[index] ?? new Uint8Array(), content.subarray(start, end))).toBe(0);
    }
  });

  test("a broken attempt that still reads does not count for the next one", async () => {
    using directory = temporaryDirectory();
    const content = bytesOf(3 * MIB);
    let counted = 0;
    using file = openFile(directory.file("f", content), {
      hash: true,
      onBytes: (delta) => {
        counted += delta;
      },
    });
    const broken = file.open()[Symbol.asyncIterator]();
    await broken.next();
    const next = file.open()[Symbol.asyncIterator]();
    const first = await next.next();
    await expect(broken.next()).rejects.toMatchObject({ code: "cancelled" });
    let bytes = first.value.byteLength;
    for (let each = await next.next(); !each.done; each = await next.next()) bytes += each.value.byteLength;
    expect(bytes).toBe(content.byteLength);
    expect(file.bytesRead).toBe(content.byteLength);
    expect(counted).toBe(content.byteLength);
    expect(file.md5()).toBe(new Bun.CryptoHasher("md5").update(content).digest("hex"));
  });

  test("has no MD5 before everything was read, nor without being asked", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("f", bytesOf(2 * MIB));
    using file = openFile(path, { hash: true });
    expect(file.md5()).toBeNull();
    await readAll(file.open({ start: 0, end: 100 }));
    expect(file.md5()).toBeNull();
    for await (const _ of file.open()) break;
    expect(file.md5()).toBeNull();
    using unhashed = openFile(path, PLAIN);
    await readAll(unhashed.open());
    expect(unhashed.md5()).toBeNull();
  });

  test("counts what it gives, and takes back what is given again", async () => {
    using directory = temporaryDirectory();
    let total = 0;
    const path = directory.file("f", bytesOf(2 * MIB));
    using file = openFile(path, { hash: false, onBytes: (delta) => (total += delta) });
    for await (const _ of file.open()) break;
    expect(total).toBeGreaterThan(0);
    expect(total).toBeLessThan(2 * MIB);
    await readAll(file.open());
    expect(total).toBe(2 * MIB);
    using blocks = openFile(path, { hash: false, onBytes: (delta) => (total += delta) });
    total = 0;
    const range = { start: MIB, end: 2 * MIB };
    await readAll(blocks.open({ start: 0, end: MIB }));
    await readAll(blocks.open(range));
    await readAll(blocks.open(range));
    expect(total).toBe(2 * MIB);
  });

  test("ends its readers when it is closed, and leaves no descriptor", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("f", bytesOf(2 * MIB));
    const file = openFile(path, PLAIN);
    const reader = file.open()[Symbol.asyncIterator]();
    await reader.next();
    file[Symbol.dispose]();
    file[Symbol.dispose]();
    expect((await failureOf(() => reader.next())).code).toBe("cancelled");
    expect((await failureOf(() => readAll(file.open()))).code).toBe("cancelled");
    expect((await failureOf(() => file.assertUnchanged())).code).toBe("cancelled");
    await expectClosed(path);
  });

  test("closes at once when nobody reads, and after a reader that left", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("f", bytesOf(2 * MIB));
    const file = openFile(path, PLAIN);
    for await (const _ of file.open()) break;
    file[Symbol.dispose]();
    await expectClosed(path);
  });

  test("sends in small pieces when the rate is low", async () => {
    using directory = temporaryDirectory();
    const content = bytesOf(64 * 1024);
    let now = 0;
    const throttle = createThrottle({
      rate: () => 16 * 1024,
      now: () => now,
      sleep: async (ms) => {
        now += ms;
      },
    });
    using file = openFile(directory.file("f", content), { hash: true, throttle });
    let longest = 0;
    const parts: Uint8Array[] = [];
    for await (const chunk of file.open()) {
      longest = Math.max(longest, chunk.byteLength);
      parts.push(chunk.slice());
    }
    expect(longest).toBe(2048);
    expect(Buffer.compare(Buffer.concat(parts), content)).toBe(0);
    expect(file.md5()).toBe(md5(content));
    expect(now).toBeCloseTo(4000 - 125, 0);
  });
});

describe("a file that changes", () => {
  /** Reads all but the last chunk, then changes something. */
  async function halfRead(source: Source, change: () => Promise<unknown>): Promise<AppError> {
    const reader = source.open()[Symbol.asyncIterator]();
    await reader.next();
    await change();
    return failureOf(async () => {
      for (let next = await reader.next(); next.done !== true; next = await reader.next());
    });
  }

  test.each<[string, (path: string) => Promise<unknown>]>([
    ["grows", (path) => appendFile(path, "more")],
    ["shrinks", (path) => truncate(path, 300_000)],
    ["shrinks to nothing", (path) => truncate(path, 0)],
    ["is written to", (path) => utimes(path, new Date(1), new Date(1))],
    [
      "is replaced",
      async (path) => {
        await writeFile(`${path}.new`, bytesOf(2 * MIB));
        await rename(`${path}.new`, path);
      },
    ],
  ])("is noticed before its last chunk when it %s", async (_, change) => {
    using directory = temporaryDirectory();
    const path = directory.file("f", bytesOf(2 * MIB));
    using file = openFile(path, PLAIN);
    const error = await halfRead(file, () => change(path));
    expect(error.code).toBe("source");
    expect(error.message).toContain("changed");
    expect(file.bytesRead).toBeLessThan(2 * MIB);
    expect((await failureOf(() => file.assertUnchanged("https://host.example/x"))).url).toBe("https://host.example/x");
  });

  test("gives no byte beyond the size it had, and says so afterwards", async () => {
    using directory = temporaryDirectory();
    const content = bytesOf(1000);
    const path = directory.file("f", content);
    using file = openFile(path, PLAIN);
    const reader = file.open()[Symbol.asyncIterator]();
    const first = await reader.next();
    await appendFile(path, "more");
    expect(Buffer.compare(first.value ?? new Uint8Array(), content)).toBe(0);
    expect((await reader.next()).done).toBe(true);
    expect((await failureOf(() => file.assertUnchanged())).code).toBe("source");
  });

  test("may lose its name", async () => {
    using directory = temporaryDirectory();
    const content = bytesOf(MIB);
    const path = directory.file("f", content);
    using file = openFile(path, PLAIN);
    await unlink(path);
    expect(Buffer.compare(await readAll(file.open()), content)).toBe(0);
    await file.assertUnchanged();
  });

  test("an empty one is looked at too", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("f", "");
    using file = openFile(path, PLAIN);
    await appendFile(path, "more");
    expect((await failureOf(() => readAll(file.open()))).code).toBe("source");
  });
});

describe("what is no regular file is refused without waiting", () => {
  test("a directory, a device, a named pipe and a socket", async () => {
    using directory = temporaryDirectory();
    const pipe = join(directory.path, "pipe");
    Bun.spawnSync(["mkfifo", pipe]);
    const socket = join(directory.path, "socket");
    const server = createServer().listen(socket);
    await new Promise((resolve) => server.once("listening", resolve));
    await mkdir(join(directory.path, "directory"));
    const words: Record<string, string> = {
      [pipe]: "named pipe",
      [socket]: "not a regular file",
      [join(directory.path, "directory")]: "directory",
      "/dev/null": "device",
    };
    for (const [path, word] of Object.entries(words)) {
      const error = await failureOf(() => openFile(path, PLAIN));
      expect(error.code).toBe("source");
      expect(error.message).toContain(word);
      expect(error.message).toContain(path);
    }
    server.close();
    await expectClosed(directory.path);
  });

  test("what is missing, and a link that leads in a circle", async () => {
    using directory = temporaryDirectory();
    const circle = join(directory.path, "circle");
    await symlink(circle, circle);
    const missing = join(directory.path, "missing");
    expect((await failureOf(() => openFile(missing, PLAIN))).message).toBe(`${missing}: no such file`);
    expect((await failureOf(() => openFile(circle, PLAIN))).message).toContain("symbolic links");
    const path = directory.file("f", "x");
    expect((await failureOf(() => openFile(join(path, "below"), PLAIN))).message).toContain("no such file");
    expect((await failureOf(() => openFile(join(directory.path, "x".repeat(300)), PLAIN))).message).toContain(
      "too long",
    );
  });

  test("a link to a file is followed", async () => {
    using directory = temporaryDirectory();
    const link = join(directory.path, "link");
    await symlink(directory.file("f", "content"), link);
    using file = openFile(link, PLAIN);
    expect(Buffer.from(await readAll(file.open())).toString()).toBe("content");
    await file.assertUnchanged();
  });
});

describe("a stream of unknown length", () => {
  const streamOf = (...chunks: string[]) =>
    new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
        controller.close();
      },
    });

  test("can be read once", async () => {
    let total = 0;
    using source = streamSource("standard input", streamOf("one", "two"), {
      hash: true,
      onBytes: (delta) => (total += delta),
    });
    expect(source.size).toBeNull();
    expect(source.spent).toBe(false);
    expect(Buffer.from(await readAll(source.open())).toString()).toBe("onetwo");
    expect(source.spent).toBe(true);
    expect(source.bytesRead).toBe(6);
    expect(total).toBe(6);
    expect(source.md5()).toBe(md5(new TextEncoder().encode("onetwo")));
    expect((await failureOf(() => readAll(source.open()))).code).toBe("source");
  });

  test("is let go of while nothing comes", async () => {
    let cancelled = false;
    const silent = new ReadableStream<Uint8Array<ArrayBuffer>>({
      cancel() {
        cancelled = true;
      },
    });
    const source = streamSource("standard input", silent, PLAIN);
    const next = source.open()[Symbol.asyncIterator]().next();
    source[Symbol.dispose]();
    expect((await failureOf(() => next)).code).toBe("cancelled");
    expect(cancelled).toBe(true);
  });

  test("that breaks is a failing source", async () => {
    const broken = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        controller.error(Object.assign(new Error("read failed"), { code: "EIO" }));
      },
    });
    using source = streamSource("standard input", broken, PLAIN);
    const error = await failureOf(() => readAll(source.open()));
    expect(error.code).toBe("source");
    expect(error.message).toContain("EIO");
  });
});

describe("the MD5 of a file", () => {
  test("is that of its content", async () => {
    using directory = temporaryDirectory();
    const content = bytesOf(MIB);
    expect(await hashFile(directory.file("f", content), new AbortController().signal)).toBe(md5(content));
    expect(await hashFile(directory.file("empty", ""), new AbortController().signal)).toBe(md5(new Uint8Array()));
  });

  test("is given up when the signal fires, and the file is closed", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("f", bytesOf(MIB));
    const stopped = AbortSignal.abort({ exit: 130 });
    expect((await failureOf(() => hashFile(path, stopped))).code).toBe("cancelled");
    await expectClosed(path);
  });
});

test("a descriptor number that was given to another file is not read from by an earlier source", async () => {
  using directory = temporaryDirectory();
  const first = openFile(directory.file("first", bytesOf(2 * MIB)), PLAIN);
  const reader = first.open()[Symbol.asyncIterator]();
  await reader.next();
  const pending = failureOf(() => reader.next());
  first[Symbol.dispose]();
  using second = openFile(directory.file("second", bytesOf(MIB)), PLAIN);
  expect((await pending).code).toBe("cancelled");
  expect(Buffer.compare(await readAll(second.open()), bytesOf(MIB))).toBe(0);
});

describe("blocks", () => {
  test("read side by side give their own bytes, whatever the others do", async () => {
    using directory = temporaryDirectory();
    const content = bytesOf(5_000_003);
    using file = openFile(directory.file("f", content), { hash: false });
    const size = 700_000;
    const ranges = Array.from({ length: 8 }, (_, at) => ({
      start: at * size,
      end: Math.min(content.length, (at + 1) * size),
    }));
    const read = await Promise.all(
      ranges.map(async (range) => {
        const parts: Uint8Array[] = [];
        for await (const chunk of file.open(range)) parts.push(chunk.slice());
        return Buffer.concat(parts);
      }),
    );
    expect(Buffer.concat(read).equals(content)).toBe(true);
  });

  test("that were sent before count as given; everything anew counts from nothing", async () => {
    using directory = temporaryDirectory();
    let counted = 0;
    let moved = 0;
    const onBytes = (delta: number, now: boolean) => {
      counted += delta;
      if (now) moved += delta;
    };
    using file = openFile(directory.file("f", bytesOf(1000)), { hash: false, onBytes });
    const ranges = [0, 250, 500, 750].map((start) => ({ start, end: start + 250 }));
    file.recount(ranges.slice(0, 2));
    expect(counted).toBe(500);
    for (const range of [ranges[1], ranges[2]]) for await (const _ of file.open(range));
    expect(counted).toBe(750);
    file.recount([]);
    expect(counted).toBe(0);
    for await (const _ of file.open(ranges[3]));
    for await (const _ of file.open());
    expect(counted).toBe(1000);
    expect(moved).toBe(1750);
  });

  test("leave the sum of everything to be asked for, once", async () => {
    using directory = temporaryDirectory();
    const content = bytesOf(600_000);
    let counted = 0;
    using file = openFile(directory.file("f", content), { hash: false, onBytes: (delta) => (counted += delta) });
    const sums = await Promise.all([file.wholeMd5(), file.wholeMd5()]);
    const sum = new Bun.CryptoHasher("md5").update(content).digest("hex");
    expect(sums).toEqual([sum, sum]);
    expect(counted).toBe(0);
  });
});

describe("a source at rest", () => {
  test("holds no descriptor, and is read again from the same file", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("a", "content");
    using source = openFile(path, { hash: false });
    const held = readdirSync("/proc/self/fd").length;
    source.rest();
    expect(readdirSync("/proc/self/fd").length).toBe(held - 1);
    expect(await textOf(source)).toBe("content");
  });

  test("is not read from another file under its name", async () => {
    using directory = temporaryDirectory();
    const path = directory.file("a", "content");
    using source = openFile(path, { hash: false });
    source.rest();
    rmSync(path);
    directory.file("a", "CONTENT");
    expect(await textOf(source).catch(({ code }) => code)).toBe("source");
  });
});

async function textOf(source: FileSource): Promise<string> {
  return Buffer.concat(await Array.fromAsync(source.open())).toString();
}
