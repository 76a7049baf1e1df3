import { expect, test } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSandboxStore } from "../../src/hosts/sandbox-store.ts";

async function* chunksOf(...texts: string[]) {
  for (const text of texts) yield new TextEncoder().encode(text);
}

async function* broken() {
  yield new TextEncoder().encode("half");
  throw new Error("line cut");
}

async function temporary(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "hoist-store-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test("what is put can be downloaded, byte for byte, never as a page", async () => {
  await using directory = await temporary();
  const store = openSandboxStore(join(directory.path, "made", "on demand"));
  const stored = await store.put(chunksOf("<b>", "ž", "</b>"));
  expect(stored).toMatchObject({ size: 9, md5: new Bun.CryptoHasher("md5").update("<b>ž</b>").digest("hex") });
  const answer = await store.download(stored.key, "ž.html");
  expect(await answer.text()).toBe("<b>ž</b>");
  expect(answer.headers.get("content-type")).toBe("application/octet-stream");
  expect(answer.headers.get("content-disposition")).toBe("attachment; filename*=UTF-8''%C5%BE.html");
  await store.remove(stored.key);
  expect((await store.download(stored.key, "ž.html")).status).toBe(404);
});

test("a body that breaks leaves nothing behind", async () => {
  await using directory = await temporary();
  await expect(openSandboxStore(directory.path).put(broken())).rejects.toThrow("line cut");
  expect(await readdir(directory.path)).toEqual([]);
});

test("without a directory size and sum are known, and no download", async () => {
  const store = openSandboxStore(null);
  const stored = await store.put(chunksOf());
  expect(stored).toMatchObject({ size: 0, md5: "d41d8cd98f00b204e9800998ecf8427e" });
  expect((await store.download(stored.key, "x")).status).toBe(404);
  await expect(store.put(broken())).rejects.toThrow("line cut");
});
