import { describe, expect, test } from "bun:test";
import type { Account } from "../../src/core/accounts/account.ts";
import { type Address, parseAddress } from "../../src/core/remote/address.ts";
import { listRemote } from "../../src/core/remote/list.ts";
import { makeFolder } from "../../src/core/remote/make-folder.ts";
import { moveRemote } from "../../src/core/remote/move.ts";
import { removeRemote } from "../../src/core/remote/remove.ts";
import type { RemoteFolders } from "../../src/hosts/host.ts";
import { ulozto } from "../../src/hosts/ulozto/index.ts";
import { uploadgig } from "../../src/hosts/uploadgig/index.ts";
import { harness } from "../hosts/ulozto/harness.ts";

const ACCOUNTS = new Map(
  [ulozto, uploadgig].map((host): [string, Account] => [
    host.id,
    {
      name: host.id,
      host,
      user: "me",
      key: host.id,
      endpoint: { baseUrl: host.defaultUrl, loopback: false },
      credentials: async () => ({ user: "me" }),
    },
  ]),
);
const never = new AbortController().signal;
const at = (typed: string): Address => parseAddress(typed.replace(/^:/, "ulozto:"), ACCOUNTS);

/** An account with these files and folders (ending in a slash). */
async function account(...paths: string[]) {
  const h = await harness();
  for (const path of paths) {
    if (path.endsWith("/")) h.host.folder(path);
    else
      await h.upload(path.slice(path.lastIndexOf("/") + 1), 10, {
        folder: path.slice(0, path.lastIndexOf("/")) || "/",
      });
  }
  const folders = h.session.folders as RemoteFolders;
  return {
    ...h,
    folders,
    /** Everything, as paths. */
    async all() {
      const paths = await Array.fromAsync(listRemote(folders, at(":"), true, never));
      return paths.map(({ path, entry }) => (entry.kind === "folder" ? `${path}/` : path));
    },
    ls: async (typed: string) =>
      (await Array.fromAsync(listRemote(folders, at(typed), false, never))).map(({ path }) => path),
    mkdir: (typed: string, parents = false) => makeFolder(folders, at(typed), parents, never),
    mv: (from: string[], to: string) => Array.fromAsync(moveRemote(folders, from.map(at), at(to), never)),
    rm: (typed: string[], options = {}) =>
      Array.fromAsync(
        removeRemote(folders, typed.map(at), { recursive: false, permanently: false, ...options }, never),
      ),
    changes: () =>
      h.host.seen.filter(({ step }) => /rename|move|delete|create|^propert/.test(step)).map(({ step }) => step),
    idOf: (name: string) =>
      [...h.host.state.files, ...h.host.state.folders].find((one) => one.name === name)?.slug ?? "?",
  };
}

describe("an address", () => {
  test("is a path or an id in an account on a host with folders", () => {
    expect(at(":/a//b/").path).toBe("/a/b");
    expect(at("ulozto").path).toBe("/");
    expect(at(":id:5Qt-E_p").id).toBe("5Qt-E_p");
    expect(at(":/id:x").path).toBe("/id:x");
  });

  test.each([":/a/../b", ":/./a", `:/${"x".repeat(256)}`, ":id:", ":id:a/b", ":id:..", "nobody:/a", "uploadgig:/a"])(
    "%p is refused before any call",
    (typed) => {
      expect(() => at(typed)).toThrow(expect.objectContaining({ code: "usage" }));
    },
  );
});

describe("ls", () => {
  test("folders first, twins told apart, page by page", async () => {
    await using a = await account("/F/", "/F/b", "/F/a", "/F/a", "/F/Sub/");
    const listed = await Array.fromAsync(listRemote(a.folders, at(":/F"), false, never));
    expect(listed.map(({ path, twin }) => [path, twin])).toEqual([
      ["/F/Sub", false],
      ["/F/a", true],
      ["/F/a", true],
      ["/F/b", false],
    ]);
    expect(listed[3]?.entry).toMatchObject({
      kind: "file",
      size: 10,
      url: expect.stringContaining("https://uloz.to/file/"),
    });
    for (let n = 0; n < 1001; n += 1) a.host.folder(`/Many/f${n}`);
    a.host.seen.splice(0);
    expect((await a.ls(":/Many")).length).toBe(1001);
    const offsets = a.host.of("list-folders").map((one) => one.head.query.get("offset"));
    expect(offsets).toEqual(["0", "0", "500", "1000"]);
  });

  test("of a file is the file; of nothing `not_found`; of one of several `conflict` with their ids", async () => {
    await using a = await account("/a", "/T/", "/t", "/t");
    expect(await a.ls(":/a")).toEqual(["/a"]);
    expect(a.ls(":/b")).rejects.toMatchObject({ code: "not_found" });
    expect(a.ls(":/b/c")).rejects.toMatchObject({ code: "not_found" });
    await expect(a.ls(":/T/x/y")).rejects.toMatchObject({
      message: "there is nothing at ulozto:/T/x",
      hint: "see hoist ls ulozto:/T",
    });
    await expect(a.ls(":/T/x")).rejects.toMatchObject({ hint: "see hoist ls ulozto:/T" });
    await expect(a.mkdir(":/it's/new")).rejects.toMatchObject({
      hint: "make it as well, with: hoist mkdir -p 'ulozto:/it'\\''s/new'",
    });
    await expect(a.ls(":/t")).rejects.toMatchObject({
      code: "conflict",
      hint: expect.stringContaining(`id:${a.idOf("t")}`),
    });
    expect(await a.ls(`:id:${a.idOf("t")}`)).toEqual([`id:${a.idOf("t")}`]);
    expect(await a.ls(`:id:${a.idOf("T")}`)).toEqual([]);
    await expect(a.ls(":id:unknown")).rejects.toMatchObject({ code: "not_found" });
    expect(a.changes().filter((step) => !step.startsWith("propert"))).toEqual([]);
  });
});

describe("mkdir", () => {
  test("one folder in a folder that is there", async () => {
    await using a = await account();
    await a.mkdir(":/A");
    await a.mkdir(":/A/B");
    expect(await a.all()).toEqual(["/A/", "/A/B/"]);
    await expect(a.mkdir(":/A")).rejects.toMatchObject({ code: "conflict" });
    await expect(a.mkdir(":/X/Y")).rejects.toMatchObject({ code: "not_found", hint: expect.stringContaining("-p") });
    await expect(a.mkdir(":/")).rejects.toMatchObject({ code: "conflict" });
  });

  test("with parents: those that are missing", async () => {
    await using a = await account("/A/f");
    await a.mkdir(":/A/B/C", true);
    await a.mkdir(":/A/B/C", true);
    await a.mkdir(":/", true);
    expect(await a.all()).toEqual(["/A/", "/A/B/", "/A/B/C/", "/A/f"]);
    await expect(a.mkdir(":/A/f/g", true)).rejects.toMatchObject({ code: "conflict" });
  });

  test("a lost answer: looked for, and found or told", async () => {
    await using a = await account();
    a.host.fault("create-folder", { breakAt: "answer" });
    expect(await a.mkdir(":/A")).toMatchObject({ name: "A" });
    a.host.fault("create-folder", { breakAt: "end" });
    await expect(a.mkdir(":/B")).rejects.toMatchObject({ code: "network", exit: 5 });
    expect(await a.all()).toEqual(["/A/"]);
  });
});

describe("mv", () => {
  test("to another name, into a folder, both", async () => {
    await using a = await account("/a", "/b", "/c", "/F/", "/G/H/");
    await a.mv([":/a"], ":/x");
    await a.mv([":/b"], ":/F");
    await a.mv([":/c"], ":/F/y");
    expect(await a.all()).toEqual(["/F/", "/F/b", "/F/y", "/G/", "/G/H/", "/x"]);
    await a.mv([":/G/H"], ":/I");
    await a.mv([":/F", ":/x"], ":/I");
    expect(await a.all()).toEqual(["/G/", "/I/", "/I/F/", "/I/F/b", "/I/F/y", "/I/x"]);
    await a.mv([`:id:${a.idOf("x")}`], `:id:${a.idOf("G")}`);
    expect(await a.ls(":/G")).toEqual(["/G/x"]);
  });

  test("replaces nothing, loses nothing", async () => {
    await using a = await account("/a", "/b", "/F/a", "/F/S/");
    const before = await a.all();
    const changes = a.changes().length;
    for (const [from, to, code] of [
      [[":/a"], ":/b", "conflict"],
      [[":/a"], ":/F", "conflict"],
      [[":/a"], ":/a", "conflict"],
      [[":/F"], ":/F", "conflict"],
      [[":/F"], ":/F/S", "conflict"],
      [[":/F"], ":/F/S/T", "conflict"],
      [[":/a"], ":/new/", "not_found"],
      [[":/a"], ":/new/a", "not_found"],
      [[":/a", ":/b"], ":/new", "not_found"],
      [[":/nothing"], ":/F", "not_found"],
      [[":/b", ":/nothing"], ":/F", "not_found"],
      [[":/"], ":/F", "usage"],
    ] as const) {
      await expect(a.mv([...from], to)).rejects.toMatchObject({ code });
    }
    expect(await a.all()).toEqual(before);
    expect(a.changes().length).toBe(changes);
  });
});

describe("rm", () => {
  test("puts files into the bin, and asks once for each", async () => {
    await using a = await account("/a", "/b", "/c");
    await a.rm([":/a", ":/b", ":/a"]);
    expect(await a.all()).toEqual(["/c"]);
    expect(a.host.of("delete-file").length).toBe(2);
    expect(a.host.state.files.length).toBe(3);
    expect(a.host.violations).toEqual([]);
  });

  test("a lost answer is `outcome_unknown`, and nothing is repeated", async () => {
    for (const fault of [
      { breakAt: "answer" },
      { cutAnswerAt: 3, effect: true },
      { status: 502, effect: true },
    ] as const) {
      await using a = await account("/a", "/b");
      a.host.fault("delete-file", fault);
      if ("cutAnswerAt" in fault) {
        await a.rm([":/a"]).catch(() => {});
      } else await expect(a.rm([":/a", ":/b"])).rejects.toMatchObject({ code: "outcome_unknown", exit: 9 });
      expect(a.host.of("delete-file").length).toBe(1);
      await expect(a.rm([":/a"])).rejects.toMatchObject({ code: "not_found" });
      expect(a.host.of("delete-file").length).toBe(1);
    }
  });

  test("folders only when asked for, with everything in them; never the root", async () => {
    await using a = await account("/F/a", "/F/S/b", "/c");
    await expect(a.rm([":/c", ":/F"])).rejects.toMatchObject({ code: "usage", hint: expect.stringContaining("-r") });
    await expect(a.rm([":/"], { recursive: true })).rejects.toMatchObject({ code: "usage" });
    await expect(a.rm([`:id:${a.host.state.root}`], { recursive: true })).rejects.toMatchObject({ code: "usage" });
    expect(a.changes().filter((step) => step.startsWith("delete"))).toEqual([]);
    await a.rm([":/F"], { recursive: true });
    expect(await a.all()).toEqual(["/c"]);
  });

  test("for good: the second deletion only once the first is seen", async () => {
    await using a = await account("/a", "/b");
    await a.rm([":/a"], { permanently: true });
    expect(a.host.state.files.map(({ name }) => name)).toEqual(["b"]);
    expect(a.host.violations.splice(0)).toEqual(["second DELETE destroyed a"]);
    a.host.fault("delete-file", { status: 200, body: {} });
    await expect(a.rm([":/b"], { permanently: true })).rejects.toMatchObject({ code: "host_protocol" });
    expect(a.host.of("delete-file").length).toBe(3);
    expect(await a.all()).toEqual(["/b"]);
  });
});

test("about: how much stands below a folder", async () => {
  await using a = await account("/a", "/F/b", "/F/S/c");
  const root = await a.folders.root(never);
  expect(await a.folders.usage(root.id, never)).toEqual({ bytes: 30, files: 3, folders: 2 });
});
