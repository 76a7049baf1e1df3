import { describe, expect, test } from "bun:test";
import { steadyFolders } from "../../../src/core/accounts/steady.ts";
import { AppError } from "../../../src/errors.ts";
import type { RemoteEntry, RemoteFolders } from "../../../src/hosts/host.ts";
import { harness } from "../../hosts/ulozto/harness.ts";

const never = new AbortController().signal;

/** An account with the folders `/A`, `/B` and a file `/A/a`, asked for through a line that has blips. */
async function account() {
  const h = await harness();
  h.host.folder("/B");
  await h.upload("a", 10, { folder: "/A" });
  const retries: string[] = [];
  const folders = steadyFolders(h.session.folders as RemoteFolders, {
    retryBaseMs: 1,
    onRetry: ({ code }) => retries.push(code),
  });
  const root = await folders.root(never);
  const named = async (name: string, parent = root.id) =>
    (await folders.list(parent, never)).find((entry) => entry.name === name) as RemoteEntry;
  const [A, B] = [await named("A"), await named("B")];
  const a = await named("a", A.id);
  const tree = () => h.host.state.files.map((file) => `${h.host.pathOf(file)}/${file.name}`);
  return { ...h, folders, retries, root, A, B, a, named, tree };
}

describe("reads", () => {
  test("are repeated, five times at most", async () => {
    await using h = await account();
    h.host.fault("list-files", { cutAnswerAt: 3 }, 2);
    h.host.fault("list-folders", { status: 503 });
    expect((await h.folders.list(h.A.id, never)).map(({ name }) => name)).toEqual(["a"]);
    expect(h.retries.length).toBe(3);
    h.host.fault("folder-sizes", { status: 502 }, 10);
    const before = h.host.of("folder-sizes").length;
    await expect(h.folders.usage(h.root.id, never)).rejects.toMatchObject({ code: "host_unavailable" });
    expect(h.host.of("folder-sizes").length - before).toBe(6);
  });

  test("not where the host has said no, or asked to be left alone", async () => {
    await using h = await account();
    const before = h.host.of("list-files").length;
    h.host.fault("list-files", { status: 403, body: { error: 1, message: "no" } });
    await expect(h.folders.list(h.A.id, never, "file")).rejects.toMatchObject({ code: "host_rejected" });
    h.host.fault("list-files", { status: 429, headers: { "retry-after": "100" } });
    await expect(h.folders.list(h.A.id, never, "file")).rejects.toMatchObject({ code: "rate_limited" });
    expect(h.host.of("list-files").length - before).toBe(2);
    expect(h.retries).toEqual([]);
  });

  test("end with a stop", async () => {
    await using h = await account();
    h.host.fault("list-files", { status: 503 }, 10);
    const stop = new AbortController();
    const steady = steadyFolders(h.session.folders as RemoteFolders, {
      retryBaseMs: 60_000,
      onRetry: () => stop.abort(),
    });
    await expect(steady.list(h.A.id, stop.signal)).rejects.toMatchObject({ code: "cancelled" });
  });
});

describe("a folder", () => {
  test("is made once, whatever becomes of the answer", async () => {
    for (const fault of [{ breakAt: "head" }, { breakAt: "answer" }, { status: 503, effect: true }] as const) {
      await using h = await account();
      h.host.fault("create-folder", fault);
      expect(await h.folders.create(h.root.id, "N", never)).toMatchObject({ name: "N", parent: h.root.id });
      expect(h.host.state.folders.filter(({ name }) => name === "N").length).toBe(1);
    }
  });

  test("whose making was lost with the look after it is found by the next one", async () => {
    await using h = await account();
    h.host.fault("create-folder", { breakAt: "answer" });
    const looks: string[] = [];
    h.host.fault("list-folders", { status: 503, when: ({ target }) => looks.push(target) === 2 });
    const before = h.host.of("create-folder").length;
    const made = await h.folders.create(h.root.id, "N", never);
    expect(made).toMatchObject({ kind: "folder", name: "N" });
    expect(h.host.of("create-folder").length - before).toBe(1);
    expect(h.retries.length).toBe(1);
  });

  test("that is there already is no blip", async () => {
    await using h = await account();
    await expect(h.folders.create(h.root.id, "A", never)).rejects.toMatchObject({ code: "conflict" });
    expect(h.retries).toEqual([]);
  });
});

describe("a change", () => {
  test("of a file is repeated only where it is seen not to be made", async () => {
    for (const [breakAt, calls] of [
      ["head", 2],
      ["answer", 1],
    ] as const) {
      await using h = await account();
      const before = h.host.of("property").length;
      h.host.fault("property", { breakAt });
      await h.folders.change(h.a, { name: "b", parent: h.B.id }, never);
      expect(h.tree()).toEqual(["/B/b"]);
      expect(h.host.of("property").length - before).toBe(calls);
    }
  });

  test("of a folder goes on where it broke off", async () => {
    for (const [step, breakAt, calls] of [
      ["move-folders", "head", [2, 1]],
      ["move-folders", "answer", [1, 1]],
      ["rename-folder", "head", [1, 2]],
      ["rename-folder", "answer", [1, 1]],
    ] as const) {
      await using h = await account();
      h.host.fault(step, { breakAt });
      await h.folders.change(h.A, { name: "C", parent: h.B.id }, never);
      expect(h.tree()).toEqual(["/B/C/a"]);
      expect([h.host.of("move-folders").length, h.host.of("rename-folder").length]).toEqual([...calls]);
    }
  });

  test("that a page answers in the place of the host is made all the same", async () => {
    await using h = await account();
    const page = { status: 200, body: "<html>Maintenance</html>" };
    for (const step of ["property", "move-folders", "rename-folder"] as const) h.host.fault(step, page);
    await h.folders.change(h.a, { name: "b" }, never);
    await h.folders.change(h.A, { name: "C", parent: h.B.id }, never);
    expect(h.tree()).toEqual(["/B/C/b"]);
    expect(h.retries).toEqual(["host_protocol", "host_protocol", "host_protocol"]);
  });

  test("of something that has gone meanwhile fails as it did, and is not made again", async () => {
    await using h = await account();
    h.host.fault("property", { status: 503 });
    const [file] = h.host.state.files;
    Object.assign(file ?? {}, { folder: h.B.id });
    const before = h.host.of("property").length;
    await expect(h.folders.change(h.a, { name: "b" }, never)).rejects.toMatchObject({ code: "host_unavailable" });
    expect(h.host.of("property").length - before).toBe(1);
  });
});

test("a deletion is never repeated", async () => {
  await using h = await account();
  h.host.fault("delete-file", { breakAt: "head" }, 5);
  await expect(h.folders.remove(h.a, never)).rejects.toBeInstanceOf(AppError);
  expect(h.host.of("delete-file").length).toBe(1);
  expect(h.retries).toEqual([]);
});

test("a deletion that a page answers is in doubt", async () => {
  await using h = await account();
  h.host.fault("delete-file", { status: 200, body: "<html>Maintenance</html>" });
  await expect(h.folders.remove(h.a, never)).rejects.toMatchObject({ code: "outcome_unknown" });
  expect(h.tree()).toEqual(["/A/a"]);
});
