import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AppError } from "../../src/errors.ts";
import { endings, failed, OK, run, summary, upload } from "./fixture.ts";

const SOURCES = 4;
const DESTINATIONS = ["uploadgig", "ulozto"] as const;

const uploads = Array.from({ length: SOURCES }, (_, sourceIndex) =>
  DESTINATIONS.map((host, destinationIndex) =>
    upload({
      sourceIndex,
      destinationIndex,
      host,
      account: host,
      name: `f${sourceIndex}`,
      outcome: { ...OK, url: `https://${host}.example/f${sourceIndex}` },
    }),
  ),
).flat();

const shuffled = fc.shuffledSubarray(uploads, { minLength: uploads.length, maxLength: uploads.length });

async function written(order: typeof uploads, ...argv: string[]): Promise<string> {
  const ran = await run(["up", "a", "--to", "x", ...argv], { up: endings(order, DESTINATIONS.length) });
  expect(ran).toMatchObject({ code: 0, err: "" });
  return ran.out;
}

describe("whatever order uploads end in", () => {
  test("results come by source, then destination, and {n} counts lines", () =>
    fc.assert(
      fc.asyncProperty(shuffled, async (order) => {
        const lines = (await written(order, "--format", "{n} {name} {host}")).trimEnd().split("\n");
        expect(lines).toEqual(uploads.map(({ name, host }, index) => `${index + 1} ${name} ${host}`));
      }),
      { numRuns: 30 },
    ));

  test("--group-by host", () =>
    fc.assert(
      fc.asyncProperty(shuffled, async (order) => {
        const names = uploads.filter(({ host }) => host === "ulozto").map(({ name }) => `${name}\n`);
        expect(await written(order, "--format", "{name}", "--group-by", "host")).toBe(
          `# uploadgig\n${names.join("")}\n# ulozto\n${names.join("")}`,
        );
      }),
      { numRuns: 30 },
    ));

  test("json tells them as they end", async () => {
    const order = uploads.toReversed();
    const lines = (await written(order, "--json"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.slice(0, -1).map(({ id }) => id)).toEqual(order.map(({ id }) => id));
  });
});

test("a line is written as soon as nothing before it is open", async () => {
  const [first, second, third] = uploads;
  if (first === undefined || second === undefined || third === undefined) throw new Error("too few");
  const out: string[] = [];
  const seen: string[] = [];
  await run(["up", "a", "--to", "x", "--format", "{n}"], {
    out,
    up: async (_, listen) => {
      listen({ type: "planned", uploads: 3, destinations: 2, bytes: 0 });
      for (const each of [second, first, third]) {
        listen({ type: "ended", upload: each });
        seen.push(out.join("").replaceAll("\n", ""));
      }
      return summary();
    },
  });
  expect(seen).toEqual(["", "12", "123"]);
});

describe("--group-by file", () => {
  const two = [
    upload({ sourceIndex: 0, name: "same", source: { ...upload().source, path: "/a/same" } }),
    upload({ sourceIndex: 1, name: "same", source: { ...upload().source, path: "/b/same" } }),
    upload({ sourceIndex: 2, name: "from-stdin", source: { ...upload().source, path: "-" } }),
  ];
  test("a heading for each file, also of one name; standard input has the name it was given", async () => {
    const ran = await run(["up", "a", "--to", "x", "--group-by", "file", "--format", "markdown"], { up: endings(two) });
    const link = (name: string) => `[${name}](https://host.example/f/1)\n`;
    expect(ran.out).toBe(`## same\n${link("same")}\n## same\n${link("same")}\n## from-stdin\n${link("from-stdin")}`);
  });
});

test("csv has its header once, also when everything failed", async () => {
  const bad = upload({ state: "failed", outcome: failed(new AppError("source", "no such file")) });
  const { out } = await run(["up", "a", "--to", "x", "--format", "csv"], { up: endings([bad], 1, { exit: 4 }) });
  expect(out).toBe("file,name,account,folder,size,md5,url,error\n/abs/x.bin,x.bin,uploadgig,,3000000,,,source\n");
});
