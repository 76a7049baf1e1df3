import { expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { spool } from "../../src/io/spool.ts";
import { bytesOf, temporaryDirectory } from "../support/temporary.ts";

const never = () => new AbortController().signal;

function streamOf(pull: (index: number) => Uint8Array | null): ReadableStream<Uint8Array<ArrayBuffer>> {
  let index = 0;
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        const chunk = pull(index++);
        if (chunk === null) controller.close();
        else controller.enqueue(chunk as Uint8Array<ArrayBuffer>);
      },
    },
    { highWaterMark: 0 },
  );
}

test("a stream becomes a file for this user alone", async () => {
  using directory = temporaryDirectory();
  const content = bytesOf(3_000_001);
  const stream = streamOf((index) => (index < 4 ? content.subarray(index * 1e6, (index + 1) * 1e6) : null));
  const { path, identity } = await spool(stream, join(directory.path, "deep", "spool"), never());
  expect(Buffer.compare(readFileSync(path), content)).toBe(0);
  expect(identity.size).toBe(content.byteLength);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(directory.path, "deep", "spool")).mode & 0o777).toBe(0o700);
});

test("nothing comes of an empty stream but an empty file", async () => {
  using directory = temporaryDirectory();
  const { path, identity } = await spool(
    streamOf(() => null),
    directory.path,
    never(),
  );
  expect(identity.size).toBe(0);
  expect(statSync(path).size).toBe(0);
});

test("a failing input leaves nothing behind", async () => {
  using directory = temporaryDirectory();
  const broken = streamOf((index) => {
    if (index === 0) return bytesOf(1000);
    throw Object.assign(new Error("read failed"), { code: "EIO" });
  });
  await expect(spool(broken, directory.path, never())).rejects.toMatchObject({ code: "source" });
  expect(readdirSync(directory.path)).toEqual([]);
});

test("a stop leaves nothing behind, also while nothing comes", async () => {
  using directory = temporaryDirectory();
  const stop = new AbortController();
  let cancelled = false;
  const silent = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(bytesOf(1000) as Uint8Array<ArrayBuffer>),
    cancel() {
      cancelled = true;
    },
  });
  const work = spool(silent, directory.path, stop.signal);
  setTimeout(() => stop.abort(), 10);
  await expect(work).rejects.toMatchObject({ code: "cancelled" });
  expect(cancelled).toBe(true);
  expect(readdirSync(directory.path)).toEqual([]);
});

test("a directory that cannot be made or written is the machine's state", async () => {
  using directory = temporaryDirectory();
  const below = join(directory.file("file", "x"), "spool");
  await expect(
    spool(
      streamOf(() => null),
      below,
      never(),
    ),
  ).rejects.toMatchObject({ code: "state" });
  if (process.getuid?.() === 0) return;
  chmodSync(directory.path, 0o500);
  await expect(
    spool(
      streamOf(() => null),
      directory.path,
      never(),
    ),
  ).rejects.toMatchObject({ code: "state" });
  chmodSync(directory.path, 0o700);
});

test("a full disk is the machine's state, and nothing is left on it", async () => {
  using directory = temporaryDirectory();
  const script = `
    import { readdirSync } from "node:fs";
    import { spool } from "${import.meta.dir}/../../src/io/spool.ts";
    const directory = process.argv[1];
    const bytes = new Uint8Array(1 << 20);
    const stream = new ReadableStream({ pull: (controller) => controller.enqueue(bytes) }, { highWaterMark: 0 });
    const code = await spool(stream, directory, new AbortController().signal).catch((error) => error.code);
    console.log(code, readdirSync(directory).length);
  `;
  // A limit on file sizes fails as a full disk does.
  const child = Bun.spawn(
    ["sh", "-c", `trap '' XFSZ; ulimit -f 4096; exec "$@"`, "sh", process.execPath, "-e", script, directory.path],
    {
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  expect(await new Response(child.stdout).text()).toBe("state 0\n");
});
