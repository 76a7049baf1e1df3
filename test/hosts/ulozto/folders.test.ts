import { describe, expect, test } from "bun:test";
import { type Harness, harness } from "./harness.ts";

const never = new AbortController().signal;

describe("folders", () => {
  test("are found part by part over full pages; nothing is created", async () => {
    await using h = await harness();
    const parent = h.host.folder("/Many");
    for (let n = 0; n < 1003; n += 1) h.host.state.folders.push({ slug: `s${n}`, name: `t ${n}`, parent });
    h.host.state.folders.push({ slug: "wanted", name: "t", parent });
    expect((await h.upload("a", 10, { folder: "/Many/t" })).error).toBeNull();
    expect(h.host.files).toMatchObject([{ folder: "wanted" }]);
    expect(h.host.of("create-folder")).toEqual([]);
    expect(h.host.of("list-folders").length).toBe(4);
  });

  test("a host that gives the same full page for ever does not keep us", async () => {
    await using h = await harness();
    for (let n = 0; n < 500; n += 1)
      h.host.state.folders.push({ slug: `s${n}`, name: `t${n}`, parent: h.host.state.root });
    const page = h.host.state.folders.slice(1).map(({ slug, name }) => ({ slug, name }));
    h.host.fault("list-folders", { status: 200, body: { subfolders: page } }, 9);
    expect((await h.upload("a", 10, { folder: "/new" })).error).toBeNull();
    expect(h.host.of("list-folders").length).toBe(4);
  });

  for (const metadata of [{ offset: "0", limit: "2", items_count: "3" }, null, "none"]) {
    test(`are found whatever the list says of itself: ${JSON.stringify(metadata)}`, async () => {
      await using h = await harness();
      h.host.folder("/F");
      h.host.fault("list-folders", { change: (answer) => ({ ...answer, metadata }) }, 9);
      h.host.fault("list-files", { change: (answer) => ({ ...answer, metadata }) }, 9);
      expect(await h.upload("a", 10, { folder: "/F" })).toMatchObject({ error: null, attempts: 1 });
      expect(h.host.of("create-folder")).toEqual([]);
    });
  }

  test("match exactly after NFC; the first of several is taken and told", async () => {
    await using h = await harness();
    h.host.folder("/PŘÍ");
    const first = h.host.folder(`/${"Pří".normalize("NFD")}`);
    h.host.folder("/Pří");
    const { notes, error } = await h.upload("a", 10, { folder: "/Pří" });
    expect(error).toBeNull();
    expect(h.host.files).toMatchObject([{ folder: first }]);
    expect(notes).toEqual(["Ulož.to has 2 folders named Pří in one place: the first listed is used"]);
  });

  test("missing ones are made once, by however many uploads, sessions and paths that share a parent", async () => {
    await using h = await harness();
    const other = h.reopen();
    const all = await Promise.all([
      ...[1, 2, 3].map((n) => h.upload(`f${n}`, 10, { folder: "/A/B" })),
      ...[4, 5].map((n) => h.uploadWith(other, `f${n}`, 10, { folder: "/A/C" })),
    ]);
    expect(all.map(({ error }) => error)).toEqual(Array(5).fill(null));
    expect(
      h.host
        .of("create-folder")
        .map((one) => JSON.parse(one.text).name)
        .sort(),
    ).toEqual(["A", "B", "C"]);
    expect(h.host.files.map((file) => h.host.pathOf(file)).sort()).toEqual(["/A/B", "/A/B", "/A/B", "/A/C", "/A/C"]);
  });

  test("are looked up once per session", async () => {
    await using h = await harness();
    await h.upload("a", 10, { folder: "/A" });
    const looks = h.host.of("list-folders").length;
    await h.upload("b", 10, { folder: "/A" });
    expect(h.host.of("list-folders").length).toBe(looks);
  });

  for (const breakAt of ["answer", "end"] as const) {
    test(`a create that breaks at "${breakAt}" is looked for before it is made again`, async () => {
      await using h = await harness();
      h.host.fault("create-folder", { breakAt });
      const { error, attempts } = await h.upload("a", 10, { folder: "/F" });
      expect(error).toBeNull();
      expect(attempts).toBe(2);
      expect(h.host.state.folders.filter((one) => one.name === "F").length).toBe(1);
    });
  }

  test("a create that the host refuses is host_rejected, in its words", async () => {
    await using h = await harness();
    h.host.fault("create-folder", { status: 422, body: { error: 1, code: 422, message: "Forbidden name" } });
    expect((await h.upload("a", 10, { folder: "/F" })).error).toMatchObject({
      code: "host_rejected",
      hostMessage: "Forbidden name",
    });
  });

  test("a name that the host would cut is refused without a call for it", async () => {
    await using h = await harness();
    const { error } = await h.upload("a", 10, { folder: `/${"x".repeat(256)}` });
    expect(error).toMatchObject({ code: "host_rejected" });
    expect(h.host.of("create-folder")).toEqual([]);
    expect((await h.upload("b", 10, { folder: `/${"😀".repeat(255)}` })).error).toBeNull();
  });

  test("one that was deleted since it was looked up is made again, and the bytes are not sent twice", async () => {
    await using h = await harness();
    await h.upload("a", 10, { folder: "/F/G" });
    h.host.state.folders.splice(1);
    const { error, attempts } = await h.upload("b", 10, { folder: "/F/G" });
    expect(error).toBeNull();
    expect(attempts).toBe(2);
    expect(h.host.of("upload").length).toBe(2);
    expect(h.host.files.at(-1) && h.host.pathOf(h.host.files.at(-1) as never)).toBe("/F/G");
  });
});

describe("a file that is there already", () => {
  test("is found by folder, name and size; a folder is never made for looking", async () => {
    await using h = await harness();
    await h.upload("Žluť.bin", 10, { folder: "/F" });
    h.host.seen.splice(0);
    const looking = h.reopen();
    const find = (folder: string, name: string, size: number) => looking.existing?.({ folder, name }, size, never);
    const { slug } = h.host.files[0] ?? {};
    expect(await find("/F", "Žluť.bin", 10)).toEqual({
      url: `https://uloz.to/file/${slug}/${encodeURIComponent("Žluť.bin")}`,
      remoteId: slug ?? "",
    });
    expect(await find("/F", "Žluť.bin".normalize("NFD"), 10)).toMatchObject({ remoteId: slug ?? "" });
    expect(await find("/F", "Žluť.bin", 11)).toBeNull();
    expect(await find("/F", "žluť.bin", 10)).toBeNull();
    expect(await find("/none/at/all", "Žluť.bin", 10)).toBeNull();
    expect(h.host.of("create-folder").length).toBe(0);
    expect(h.host.of("list-files").length).toBe(1);
  });

  test("is found behind full pages, and not before its commit", async () => {
    await using h = await harness();
    for (let n = 0; n < 700; n += 1) {
      h.host.state.files.push({
        slug: `s${n}`,
        name: `f${n}`,
        filename: "",
        size: n,
        md5: null,
        blocks: null,
        folder: h.host.state.root,
        batch: "b",
        number: n,
        answerLost: false,
        committed: n !== 650,
        binned: false,
      });
    }
    expect(await h.session.existing?.({ folder: "/", name: "f699" }, 699, never)).toMatchObject({ remoteId: "s699" });
    expect(await h.session.existing?.({ folder: "/", name: "f650" }, 650, never)).toBeNull();
  });

  test("may stand in a page of more than a mebibyte, but not of any size", async () => {
    await using h = await harness();
    const item = (n: number, padding: string) => ({ slug: `s${n}`, name: `f${n}`, filesize: n, url: null, padding });
    const page = (padding: string) => ({ items: Array.from({ length: 499 }, (_, n) => item(n, padding)) });
    h.host.fault("list-files", { status: 200, body: page("x".repeat(5_000)) });
    expect(await h.session.existing?.({ folder: "/", name: "f7" }, 7, never)).toMatchObject({ remoteId: "s7" });
    h.host.fault("list-files", { status: 200, body: page("x".repeat(20_000)) });
    const looking = h.reopen().existing?.({ folder: "/", name: "f7" }, 7, never);
    await expect(looking).rejects.toMatchObject({ code: "host_protocol" });
  });

  test("a folder that is gone holds nothing", async () => {
    await using h = await harness();
    await h.upload("a", 10, { folder: "/F" });
    h.host.state.folders.splice(1);
    expect(await h.session.existing?.({ folder: "/F", name: "a" }, 10, never)).toBeNull();
  });
});

describe("a folder that is full", () => {
  /** So many files in a folder, without the calls. */
  function fill(h: Harness, folder: string, count: number): void {
    const slug = h.host.folder(folder);
    for (let n = 0; n < count; n += 1) {
      h.host.state.files.push({
        ...{ slug: `${slug}-${n}`, name: `${n}`, filename: `${n}`, size: 1, md5: null, blocks: null, folder: slug },
        ...{ batch: "b", number: n, answerLost: false, committed: true, binned: false },
      });
    }
  }

  test("takes no file, which is said before a byte is sent, with the way out", async () => {
    await using h = await harness();
    fill(h, "/F", 9_999);
    const [last, over] = [await h.upload("last", 10, { folder: "/F" }), await h.upload("over", 10, { folder: "/F" })];
    expect(last.error).toBeNull();
    expect(over.error).toMatchObject({
      code: "host_quota",
      exit: 7,
      hint: expect.stringContaining("--overflow new-folder"),
    });
    expect(over.attempts).toBe(1);
    expect(h.host.of("upload").length).toBe(1);
    expect(h.host.of("list-files").length).toBe(1);
  });

  test("lets the rest go to the next of its name, where that is wanted", async () => {
    await using h = await harness();
    fill(h, "/F", 9_998);
    fill(h, "/F (2)", 10_000);
    const all = await Promise.all(
      ["a", "b", "c", "d"].map((name) => h.upload(name, 10, { folder: "/F", overflow: "new-folder" })),
    );
    expect(all.map(({ error }) => error)).toEqual([null, null, null, null]);
    const where = h.host.files.filter(({ name }) => /[a-d]/.test(name)).map((file) => h.host.pathOf(file));
    expect(where.sort()).toEqual(["/F", "/F", "/F (3)", "/F (3)"]);
    expect(all.flatMap(({ notes }) => notes)).toContain("/F is full: files go to /F (3)");
  });
});
