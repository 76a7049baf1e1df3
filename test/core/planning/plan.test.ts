import { describe, expect, test } from "bun:test";
import { linkSync, mkdirSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { Account } from "../../../src/core/accounts/account.ts";
import { upInput } from "../../../src/core/inputs.ts";
import { createPlan, planView } from "../../../src/core/planning/plan.ts";
import { type FakeHost, fakeHost } from "../../support/fake-host.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../support/temporary.ts";

const account = (name: string, { host }: FakeHost): [string, Account] => [
  name,
  {
    name,
    host,
    user: name,
    endpoint: { baseUrl: "https://fake.example", loopback: false },
    key: name,
    credentials: async () => ({ user: name }),
  },
];
const ACCOUNTS = new Map([account("deep", fakeHost()), account("flat", fakeHost("flat", { folders: false }))]);

type Input = Partial<v.InferInput<typeof upInput>>;

async function plan(input: Input, signal = new AbortController().signal) {
  const notes: string[] = [];
  const parsed = v.parse(upInput, { sources: [], to: ["deep:/x"], run: {}, ...input });
  const options = { accounts: ACCOUNTS, note: (text: string) => notes.push(text), signal };
  const uploads = [];
  for await (const upload of createPlan(parsed, options).uploads()) uploads.push(upload);
  return { uploads, notes };
}

async function planned(directory: TemporaryDirectory, input: Input): Promise<readonly string[]> {
  const { uploads } = await plan(input);
  return uploads.map(({ source, account, folder, name, error }) => {
    const file = source.path.replace(`${directory.path}/`, "");
    return `${file} → ${account.name}:${folder} ${name}${error === null ? "" : ` !${error.code}`}`;
  });
}

function usageError(input: Input, words: string) {
  return expect(plan(input)).rejects.toMatchObject({ code: "usage", message: expect.stringContaining(words) });
}

test("files of several fates keep their order; each goes to every destination", async () => {
  using directory = temporaryDirectory();
  const good = directory.file("good", "12345");
  const missing = join(directory.path, "missing");
  mkdirSync(join(directory.path, "bad\nname"));
  const bad = directory.file("bad\rname", "x");
  expect(await planned(directory, { sources: [good, missing, bad, "/dev/null"], to: ["deep:/a", "flat"] })).toEqual([
    "good → deep:/a good",
    "good → flat:null good",
    "missing → deep:/a missing !source",
    "missing → flat:null missing !source",
    "bad\rname → deep:/a bad\rname !source",
    "bad\rname → flat:null bad\rname !source",
    "/dev/null → deep:/a null !source",
    "/dev/null → flat:null null !source",
  ]);
  const { uploads } = await plan({ sources: [good, missing], to: ["deep:/a", "flat"] });
  expect(uploads.map(({ sourceIndex, destinationIndex }) => [sourceIndex, destinationIndex])).toEqual([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ]);
});

describe("a directory", () => {
  test("is a usage error without -r, whatever stands around it", async () => {
    using directory = temporaryDirectory();
    await usageError({ sources: [directory.file("f", ""), directory.path] }, "is a directory");
    const list = directory.file("list", `${directory.path}\n`);
    await usageError({ sources: [], filesFrom: { path: list, separator: "\n" } }, "is a directory");
  });

  test("appears under its name, or with a trailing slash by its content, and flat where there are no folders", async () => {
    using directory = temporaryDirectory();
    mkdirSync(join(directory.path, "t", "sub"), { recursive: true });
    directory.file("t/a", "a");
    directory.file("t/sub/b", "b");
    const top = join(directory.path, "t");
    expect(await planned(directory, { sources: [top], recursive: true, to: ["deep:/x", "flat"] })).toEqual([
      "t/a → deep:/x/t a",
      "t/a → flat:null a",
      "t/sub/b → deep:/x/t/sub b",
      "t/sub/b → flat:null b",
    ]);
    expect(await planned(directory, { sources: [`${top}/`], recursive: true, to: ["deep"] })).toEqual([
      "t/a → deep:/ a",
      "t/sub/b → deep:/sub b",
    ]);
  });

  test("with a name that no folder can have fails only where folders are made", async () => {
    using directory = temporaryDirectory();
    mkdirSync(join(directory.path, "t", "bad\nname"), { recursive: true });
    directory.file("t/bad\nname/f", "x");
    const input = { sources: [join(directory.path, "t")], recursive: true, to: ["deep", "flat"] };
    expect(await planned(directory, input)).toEqual([
      "t/bad\nname/f → deep:/t/bad\nname f !source",
      "t/bad\nname/f → flat:null f",
    ]);
  });

  test("may be empty, or a link named by hand; links in it are passed over with a note", async () => {
    using directory = temporaryDirectory();
    mkdirSync(join(directory.path, "t", "empty"), { recursive: true });
    symlinkSync(directory.path, join(directory.path, "t", "up"));
    const link = join(directory.path, "link");
    symlinkSync(join(directory.path, "t"), link);
    const { uploads, notes } = await plan({ sources: [link], recursive: true });
    expect(uploads).toEqual([]);
    expect(notes).toEqual([`${link}/up: a link to a directory, passed over`, "nothing was found to upload"]);
  });
});

describe("filters", () => {
  test("hold for what a walk and a list find, excludes win, and never for what is named", async () => {
    using directory = temporaryDirectory();
    mkdirSync(join(directory.path, "t", "cache"), { recursive: true });
    for (const name of ["t/a.jpg", "t/b.tmp", "t/cache/c.jpg", "t/cache/keep.png", "named.tmp"])
      directory.file(name, "x");
    const list = directory.file("list", `${join(directory.path, "named.tmp")}\n${join(directory.path, "t/a.jpg")}\n`);
    const filters = { include: ["*.jpg", "cache/*"], exclude: ["*.tmp", "cache/*.jpg"] };
    const sources = [join(directory.path, "named.tmp"), join(directory.path, "t")];
    const input = { sources, recursive: true, filters, filesFrom: { path: list, separator: "\n" as const } };
    expect(await planned(directory, input)).toEqual([
      "named.tmp → deep:/x named.tmp",
      "t/a.jpg → deep:/x/t a.jpg",
      "t/cache/keep.png → deep:/x/t/cache keep.png",
      "t/a.jpg → deep:/x a.jpg",
    ]);
    const { notes } = await plan({ ...input, sources: [...sources, list] });
    expect(notes).toEqual([`${sources[0]} is named by hand, so that the filters do not hold for it`]);
  });

  test("with a slash at the end are for directories and all in them", async () => {
    using directory = temporaryDirectory();
    for (const path of ["t/cache/deep", "t/a/cache", "t/b"]) mkdirSync(join(directory.path, path), { recursive: true });
    for (const name of ["cache/deep/1", "cache/.2", "a/cache/3", "a/4", "b/cache"]) directory.file(`t/${name}`, "x");
    const names = async (filters: Input["filters"]) => {
      const { uploads } = await plan({ sources: [join(directory.path, "t")], recursive: true, filters });
      return uploads.map(({ name }) => name);
    };
    expect(await names({ exclude: ["cache/"] })).toEqual(["4", "cache"]);
    expect(await names({ include: ["cache/"], exclude: ["deep/"] })).toEqual(["3", ".2"]);
    expect(await names({ exclude: ["/cache/"] })).toEqual(["4", "3", "cache"]);
    expect(await names({ exclude: ["a/cache/"] })).toEqual(["4", "cache", ".2", "1"]);
  });

  test("where nothing is searched have no effect, which is said", async () => {
    using directory = temporaryDirectory();
    const sources = [directory.file("a.tmp", "x"), directory.file("b", "x")];
    const filters = [{ include: ["*.jpg"] }, { exclude: ["*.tmp"] }, { minSize: 0 }, { maxSize: 0 }, { minAgeMs: 0 }];
    for (const each of filters) {
      const { uploads, notes } = await plan({ sources, filters: each });
      expect(uploads.length).toBe(2);
      expect(notes).toEqual([expect.stringContaining("no effect: they are about what -r and --files-from find")]);
    }
    expect((await plan({ sources })).notes).toEqual([]);
  });

  test("hold for the paths of a list as they are written, and for what cannot be looked at", async () => {
    using directory = temporaryDirectory();
    mkdirSync(join(directory.path, "t"));
    for (const name of ["broken", "broken.txt"]) symlinkSync("nowhere", join(directory.path, "t", name));
    directory.file("t/a.txt", "x");
    const lines = [`${directory.path}/t/a.txt`, `${directory.path}/gone.txt`, `${directory.path}/gone.tmp`];
    const list = directory.file("list", lines.join("\n"));
    const filesFrom = { path: list, separator: "\n" } as const;
    expect(await planned(directory, { filesFrom, filters: { exclude: ["**/t/*", "*.tmp"] } })).toEqual([
      "gone.txt → deep:/x gone.txt !source",
    ]);
    const sources = [join(directory.path, "t")];
    expect(await planned(directory, { sources, recursive: true, filters: { include: ["*.txt"] } })).toEqual([
      "t/a.txt → deep:/x/t a.txt",
      "t/broken.txt → deep:/x/t broken.txt !source",
    ]);
  });

  test("look at sizes and ages, bounds included", async () => {
    using directory = temporaryDirectory();
    mkdirSync(join(directory.path, "t"));
    for (const size of [0, 9, 10, 20, 21]) directory.file(`t/${String(size).padStart(2, "0")}`, "x".repeat(size));
    const names = async (filters: Input["filters"]) => {
      const { uploads } = await plan({ sources: [join(directory.path, "t")], recursive: true, filters });
      return uploads.map(({ name }) => name);
    };
    expect(await names({ minSize: 10, maxSize: 20 })).toEqual(["10", "20"]);
    expect(await names({ maxSize: 0 })).toEqual(["00"]);
    const old = new Date(Date.now() - 3_600_000);
    utimesSync(join(directory.path, "t", "09"), old, old);
    expect(await names({ minAgeMs: 1_800_000 })).toEqual(["09"]);
  });
});

describe("the same file twice", () => {
  test("by whatever spelling, by hand and in a list, is one source, and it is said so", async () => {
    using directory = temporaryDirectory();
    mkdirSync(join(directory.path, "t"));
    const [a, b] = [directory.file("t/a", "x"), directory.file("b", "x")];
    const list = directory.file("list", `${directory.path}/./t/a\n${b}\n${b}\n`);
    const more = ["c", "d"].map((name) => directory.file(name, "x"));
    const sources = [a, `${directory.path}/t/../t//a`, b, `${a}.gone`, `${a}.gone`];
    const input = { sources, filesFrom: { path: list, separator: "\n" as const }, name: "{n}-{name}" };
    expect(await planned(directory, input)).toEqual([
      "t/a → deep:/x 1-a",
      "b → deep:/x 2-b",
      "t/a.gone → deep:/x 3-a.gone !source",
    ]);
    const { notes } = await plan({ ...input, sources: [...sources, ...more, ...more] });
    expect(notes).toEqual([
      ...[a, `${a}.gone`, ...more.slice(0, 1)].map((path) => `${path} is named more than once, and uploaded once`),
      "2 more: named more than once, and uploaded once",
    ]);
    expect(await planned(directory, { sources: [b, b], name: "fixed" })).toEqual(["b → deep:/x fixed"]);
  });

  test("under another name, or for another folder, is another upload", async () => {
    using directory = temporaryDirectory();
    mkdirSync(join(directory.path, "t"));
    const a = directory.file("t/a", "x");
    symlinkSync(a, join(directory.path, "soft"));
    linkSync(a, join(directory.path, "hard"));
    const names = ["t/a", "soft", "hard"].map((name) => join(directory.path, name));
    expect((await planned(directory, { sources: names })).length).toBe(3);
    const top = join(directory.path, "t");
    const twice = { sources: [top, `${top}/`], recursive: true, to: ["deep:/x", "flat"] };
    expect(await planned(directory, twice)).toEqual(["t/a → deep:/x/t a", "t/a → flat:null a", "t/a → deep:/x a"]);
    await usageError({ ...twice, run: { after: { do: "delete" } } }, "several folders");
    const flat = { ...twice, to: ["flat"], run: { after: { do: "delete" as const } } };
    expect(await planned(directory, flat)).toEqual(["t/a → flat:null a"]);
  });
});

describe("names", () => {
  test("follow the template, numbered by source", async () => {
    using directory = temporaryDirectory();
    const sources = [directory.file("a.txt", ""), directory.file("b.txt", "")];
    expect(await planned(directory, { sources, name: "{n:2}-{stem}.bak", to: ["deep", "flat"] })).toEqual([
      "a.txt → deep:/ 01-a.bak",
      "a.txt → flat:null 01-a.bak",
      "b.txt → deep:/ 02-b.bak",
      "b.txt → flat:null 02-b.bak",
    ]);
    const { uploads } = await plan({ sources: [sources[0] ?? ""], name: "{rand:8}", to: ["deep", "flat"] });
    expect(uploads[0]?.name).toBe(uploads[1]?.name ?? "");
  });

  test("that are fixed serve one source only, also when a walk finds more", async () => {
    using directory = temporaryDirectory();
    mkdirSync(join(directory.path, "t"));
    const sources = [directory.file("t/a", ""), directory.file("t/b", "")];
    expect(await planned(directory, { sources: sources.slice(0, 1), name: "x" })).toEqual(["t/a → deep:/x x"]);
    await usageError({ sources, name: "x" }, "several files");
    await usageError({ sources: [join(directory.path, "t")], recursive: true, name: "x" }, "several files");
  });

  test("that no host can take fail alone", async () => {
    using directory = temporaryDirectory();
    const sources = [directory.file("short", ""), directory.file("x".repeat(250), "")];
    const [first, second] = await planned(directory, { sources, name: "{name}.backup" });
    expect(first).toBe("short → deep:/x short.backup");
    expect(second).toEndWith("!source");
  });
});

describe("standard input", () => {
  test("needs a name, and is a source like others", async () => {
    using directory = temporaryDirectory();
    await usageError({ sources: ["-"] }, "no name");
    const { uploads } = await plan({ sources: ["-", directory.file("f", "")], name: "{n}.bin" });
    expect(uploads.map(({ source, name }) => [source.path === "-", name])).toEqual([
      [true, "1.bin"],
      [false, "2.bin"],
    ]);
    expect(uploads[0]?.source.identity).toBeNull();
  });

  test("can be read once", async () => {
    await usageError({ sources: ["-", "-"], name: "{n}" }, "only once");
    await usageError({ sources: ["-"], name: "x", filesFrom: { path: "-", separator: "\n" } }, "only once");
  });

  test("in a list is a file of that name", async () => {
    using directory = temporaryDirectory();
    const list = directory.file("list", "-\n");
    const { uploads } = await plan({ filesFrom: { path: list, separator: "\n" } });
    expect(uploads).toMatchObject([{ source: { path: join(process.cwd(), "-") }, error: { code: "source" } }]);
  });
});

test("nothing to upload, an unknown account and a missing list are told before anything", async () => {
  using directory = temporaryDirectory();
  await usageError({}, "nothing to upload");
  await usageError({ sources: [directory.file("f", "")], to: ["nobody"] }, "no account");
  const missing = { path: join(directory.path, "missing"), separator: "\n" as const };
  await expect(plan({ filesFrom: missing })).rejects.toMatchObject({ code: "source" });
  const { uploads } = await plan({ sources: [""] });
  expect(uploads).toMatchObject([{ error: { code: "source" } }]);
});

test("a stop ends the search", async () => {
  using directory = temporaryDirectory();
  const stopped = AbortSignal.abort({ exit: 130 });
  await expect(plan({ sources: [directory.file("f", "")] }, stopped)).rejects.toMatchObject({ code: "cancelled" });
});

test("a plan's line tells what would be done, or why not", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("f.bin", "12345");
  const { uploads } = await plan({ sources: [path, `${path}.gone`], to: ["deep:/a"] });
  expect(uploads.map(planView)).toMatchObject([
    { v: 1, type: "plan", file: path, name: "f.bin", account: "deep", host: "fake", folder: "/a", size: 5 },
    { file: `${path}.gone`, size: null, error: { code: "source", exit: 4 } },
  ]);
});
