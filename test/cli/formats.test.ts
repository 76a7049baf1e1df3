import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { compileFormat } from "../../src/cli/output/formats.ts";
import type { Facts } from "../../src/cli/output/template.ts";
import type { UploadRecord } from "../../src/core/job-store.ts";
import { resultView } from "../../src/core/views.ts";
import { AppError } from "../../src/errors.ts";
import { failed, OK, upload } from "./fixture.ts";

function line(format: string, record: UploadRecord, number = 1): string | null {
  const compiled = compileFormat(format);
  if (compiled.json) throw new Error("json has no lines");
  const facts: Facts = { view: resultView(record), time: record.finishedAt, number };
  return compiled.line(facts);
}

const named = (name: string, url = "https://h.example/f") => upload({ name, outcome: { ...OK, url } });
const broken = upload({ state: "failed", outcome: failed(new AppError("host_auth", "login refused")) });

describe("named formats", () => {
  test.each([
    ["url", "a.bin", "https://h.example/f"],
    ["markdown", "a_b [c]*.bin", "[a_b \\[c\\]\\*.bin](https://h.example/f)"],
    ["markdown", "_a_ `x` <b> &amp; \\", "[\\_a\\_ \\`x\\` \\<b> \\&amp; \\\\](https://h.example/f)"],
    ["bbcode", "[Group] a[/url].mkv", "[url=https://h.example/f][Group] a&#91;/url].mkv[/url]"],
    ["html", `a & <b> "c".bin`, '<a href="https://h.example/f">a &amp; &lt;b&gt; &quot;c&quot;.bin</a>'],
    ["csv", 'c,"d".bin', '"/abs/c,""d"".bin","c,""d"".bin",uploadgig,,3000000,,https://h.example/f,'],
    ["text", "a.bin", "a.bin → uploadgig  https://h.example/f  (2.9 MiB in 1.3 s)"],
  ])("%s of %s", (format, name, expected) => expect(line(format, named(name))).toBe(expected));

  test("a link cannot break out of its place", () => {
    const url = 'https://h.example/a(b)c"<i>[d] e';
    expect(line("markdown", named("n", url))).toBe('[n](https://h.example/a%28b%29c"%3Ci%3E[d]%20e)');
    expect(line("bbcode", named("n", url))).toBe('[url=https://h.example/a(b)c"<i>%5Bd%5D%20e]n[/url]');
    expect(line("html", named("n", url))).toContain('href="https://h.example/a(b)c&quot;&lt;i&gt;[d] e"');
  });

  test("a failed upload has a line in text and csv only", () => {
    for (const format of ["url", "markdown", "bbcode", "html", "{name}"]) expect(line(format, broken)).toBeNull();
    expect(line("csv", broken)).toBe("/abs/x.bin,x.bin,uploadgig,,3000000,,,host_auth");
    expect(line("text", broken)).toBe("x.bin → uploadgig  failed: host_auth");
  });

  test("a skipped one has its known link, or none", () => {
    const skipped = (url: string | null) =>
      upload({ folder: "/F", outcome: { ...OK, url, skipped: true, skipReason: "host" } });
    expect(line("url", skipped("https://h.example/f"))).toBe("https://h.example/f");
    expect(line("url", skipped(null))).toBeNull();
    expect(line("text", skipped(null))).toBe("x.bin → uploadgig:/F  (2.9 MiB, already there)");
  });

  test("csv reads back: RFC 4180, one line each", () => {
    const text = fc.string({ unit: fc.constantFrom("a", '"', ",", " ", "\n", "\r", "ž", "=", "'") });
    fc.assert(
      fc.property(text, text, (name, folder) => {
        const written = line("csv", upload({ name, folder })) ?? "";
        expect(written).not.toMatch(/[\r\n]/);
        const escaped = (value: string) => value.replaceAll("\n", "\\u{a}").replaceAll("\r", "\\u{d}");
        expect(parseCsv(written).slice(1, 4)).toEqual([escaped(name), "uploadgig", escaped(folder)]);
      }),
    );
  });
});

/** One record of RFC 4180. */
function parseCsv(text: string): string[] {
  const cells: string[] = [];
  let rest = `,${text}`;
  while (rest !== "") {
    const match = /^,(?:"((?:[^"]|"")*)"|([^",]*))/.exec(rest);
    if (match === null) throw new Error(`not CSV: ${rest}`);
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    rest = rest.slice(match[0].length);
  }
  return cells;
}

describe("templates", () => {
  const record = upload({
    folder: "/F",
    account: "disk",
    host: "ulozto",
    labels: { build: "42", "a.b-c": "x" },
    outcome: { ...OK, md5: "abc" },
  });
  test.each([
    ["{url} {name} {file}", "https://host.example/f/1 x.bin /abs/x.bin"],
    ["{size}|{size:h}|{md5}", "3000000|2.9 MiB|abc"],
    ["{account}:{folder} {host}", "disk:/F ulozto"],
    ["{time} {n}", "2026-01-31T18:00:05.000Z 7"],
    ["{label.build}-{label.a.b-c}-{label.none}-{label.toString}", "42-x--"],
    ["{{{name}}}", "{x.bin}"],
    ["{name}\\t{n}\\n\\\\n\\x", "x.bin\t7\n\\n\\x"],
    ["a } b{n}", "a } b7"],
  ])("%s", (template, expected) => expect(line(template, record, 7)).toBe(expected));

  test("what is unknown is empty", () =>
    expect(line("[{folder}{md5}{time}]{size:h}", upload({ finishedAt: null }))).toBe("[]2.9 MiB"));

  test.each(["{urll}", "{}", "{name", "{label.}", "{label.a b}", "{constructor}", "{size:x}", "{ name }"])(
    "%s is refused",
    (template) => expect(() => compileFormat(template)).toThrow(AppError),
  );

  test("literal text comes out as it is, names never with controls", () => {
    const literal = fc.string({ unit: "binary" }).filter((text) => !/[{}\\]/.test(text));
    fc.assert(
      fc.property(literal, fc.string({ unit: "binary" }), (text, name) => {
        const written = line(`${text}{name}`, upload({ name })) ?? "";
        expect(written).toStartWith(text);
        expect(written.slice(text.length)).not.toMatch(UNSAFE);
      }),
    );
  });
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

test("no format lets a control or bidi character of a name through", () => {
  const formats = ["text", "url", "markdown", "bbcode", "html", "csv", "{name} {file} {folder} {label.a}"];
  fc.assert(
    fc.property(fc.constantFrom(...formats), fc.string({ unit: "binary" }), (format, name) => {
      const record = upload({
        name,
        folder: `/${name}`,
        labels: { a: name },
        outcome: { ...OK, url: `https://h/${name}` },
      });
      expect(line(format, record)).not.toMatch(UNSAFE);
    }),
  );
});
