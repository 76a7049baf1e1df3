import { expect, test } from "bun:test";
import { createHash as reference } from "node:crypto";
import { createHash } from "../../src/io/hash.ts";
import { createPooledHash } from "../../src/io/hash-pool.ts";
import { startHashThread } from "../../src/io/hash-thread.ts";
import { openFile } from "../../src/io/source.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const md5 = (bytes: Uint8Array) => reference("md5").update(bytes).digest("hex");
const random = (size: number) => {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};

test.each([0, 1, 63, 64, 65, 1_000_003])("%d bytes, on this thread and on another", async (size) => {
  const bytes = random(size);
  for (const hash of [createHash(size), createPooledHash()]) {
    if (size > 0) {
      await hash.update(bytes.subarray(0, size >> 1));
      await hash.update(bytes.subarray(size >> 1));
    }
    expect(await hash.digest()).toBe(md5(bytes));
    hash[Symbol.dispose]();
  }
});

test("many hashes share the threads without mixing their bytes, and one that is let go of is in nobody's way", async () => {
  const files = Array.from({ length: 9 }, (_, n) => random(50_000 + n * 7));
  using forgotten = createPooledHash();
  await forgotten.update(random(10));
  const digests = files.map(async (bytes, n) => {
    using hash = createPooledHash();
    const updates: Promise<void>[] = [];
    for (let at = 0; at < bytes.length; at += 4_999 + n) updates.push(hash.update(bytes.subarray(at, at + 4_999 + n)));
    await Promise.all(updates);
    return hash.digest();
  });
  expect(await Promise.all(digests)).toEqual(files.map(md5));
});

test("a thread that has ended fails what is asked of it", async () => {
  const thread = startHashThread();
  thread.take();
  expect(await thread.ask({ hash: 1, bytes: random(10) })).toBeNull();
  const left = thread.ask({ hash: 1, bytes: null });
  thread.end();
  // It may have answered before.
  await left.catch((error) => expect(error).toMatchObject({ code: "internal" }));
  while (!thread.broken) await Bun.sleep(1);
  await expect(thread.ask({ hash: 1, bytes: null })).rejects.toMatchObject({ code: "internal" });
});

test("a process with nothing else to do waits for its hash, and ends after it", async () => {
  const pool = JSON.stringify(new URL("../../src/io/hash-pool.ts", import.meta.url).href);
  const script = `
    const { createPooledHash } = await import(${pool});
    const hash = createPooledHash();
    hash.update(new TextEncoder().encode("abc")).then(() => hash.digest()).then((digest) => console.log(digest));`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", timeout: 9_000 });
  expect(await new Response(child.stdout).text()).toBe("900150983cd24fb0d6963f7d28e17f72\n");
  expect(await child.exited).toBe(0);
});

test("a file hashed on another thread: what was sent is what was hashed, each time it is read", async () => {
  using directory = temporaryDirectory();
  const bytes = random(65 * 1024 * 1024 + 1);
  using file = openFile(directory.file("f", bytes), { hash: true });
  for (let turn = 0; turn < 2; turn += 1) {
    const sent = reference("md5");
    for await (const chunk of file.open()) sent.update(chunk);
    expect(file.md5()).toBe(sent.digest("hex"));
  }
  for await (const _ of file.open()) break;
  expect(file.md5()).toBeNull();
  expect(await file.wholeMd5()).toBe(md5(bytes));
});
