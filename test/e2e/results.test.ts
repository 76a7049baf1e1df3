import { describe, expect } from "bun:test";
import { basename, join } from "node:path";
import { md5Of, scene, type World } from "./kit/world.ts";

/** Two good files around one that UploadGig refuses, sent to both hosts. */
async function mixed(w: World, ...format: string[]) {
  const files = [w.file("a & <b>.bin", 10), w.file("refused.bin", 20), w.file('c,"d".bin', 30)];
  w.gig.fault("body", {
    body: { 0: { ok: false, message: "No more space" } },
    when: (request) => request.header("slug") === "refused.bin",
  });
  // The first answers last: results still come in the order of the sources.
  w.ulozto.fault("commit", { delayMs: 150 });
  const ran = await w.run(["up", ...files, "--to", "uploadgig", "--to", "ulozto:/F", ...format]);
  expect(ran.code).toBe(3);
  return { ran, files, lines: ran.out.split("\n").slice(0, -1) };
}

const urls = (w: World) => ({
  gig: (name: string) => w.gig.files.find((file) => file.name === name)?.url ?? "?",
  ulozto(name: string) {
    const file = w.ulozto.files.find((one) => one.name === name);
    return `https://uloz.to/file/${file?.slug}/${encodeURIComponent(name)}`;
  },
});

describe("results on stdout, in the order of sources and destinations", () => {
  scene("piped, they are links and nothing else; a failed upload has no line", async (w) => {
    const { ran, lines } = await mixed(w);
    const { gig, ulozto } = urls(w);
    expect(lines).toEqual([
      gig("a & <b>.bin"),
      ulozto("a & <b>.bin"),
      ulozto("refused.bin"),
      gig('c,"d".bin'),
      ulozto('c,"d".bin'),
    ]);
    expect(ran.err).toContain("No more space");
  });

  scene("--format url is the same", async (w) => {
    const { lines } = await mixed(w, "--format", "url");
    expect(lines.length).toBe(5);
  });

  scene("markdown", async (w) => {
    const { lines } = await mixed(w, "--format", "markdown");
    expect(lines[2]).toBe(`[refused.bin](${urls(w).ulozto("refused.bin")})`);
    expect(lines.length).toBe(5);
  });

  scene("bbcode", async (w) => {
    const { lines } = await mixed(w, "--format", "bbcode");
    expect(lines[2]).toBe(`[url=${urls(w).ulozto("refused.bin")}]refused.bin[/url]`);
  });

  scene("html, escaped", async (w) => {
    const { lines } = await mixed(w, "--format", "html");
    const url = urls(w).gig("a & <b>.bin").replaceAll("&", "&amp;");
    expect(lines[0]).toBe(`<a href="${url}">a &amp; &lt;b&gt;.bin</a>`);
    expect(lines.length).toBe(5);
  });

  scene("csv, with its header, quoted where needed, an empty url for a failure", async (w) => {
    const { lines, files } = await mixed(w, "--format", "csv");
    const { gig, ulozto } = urls(w);
    expect(lines[0]).toBe("file,name,account,folder,size,md5,url,error");
    expect(lines[1]).toBe(`${files[0]},a & <b>.bin,uploadgig,,10,,${gig("a & <b>.bin")},`);
    expect(lines[2]).toBe(`${files[0]},a & <b>.bin,ulozto,/F,10,${md5Of(files[0] ?? "")},${ulozto("a & <b>.bin")},`);
    expect(lines[3]).toMatch(/^[^,]+,refused\.bin,uploadgig,,20,,,host_rejected$/);
    expect(lines[5]).toStartWith(`"${files[2]?.replaceAll('"', '""')}","c,""d"".bin",uploadgig`);
    expect(lines.length).toBe(7);
  });

  scene("a template of its own", async (w) => {
    const template = "{{{name}}}\\t{host} {account} {folder} {size} {size:h} {n} {label.build}|{file}";
    const { lines, files } = await mixed(w, "--format", template, "--label", "build=42");
    expect(lines[0]).toMatch(/^\{a & <b>\.bin\}+\tuploadgig uploadgig \S* ?10 10 ?B 1 42\|/);
    expect(lines[0]).toEndWith(`|${files[0]}`);
    expect(lines.length).toBe(5);
  });

  scene("text, asked for by name", async (w) => {
    const { ran } = await mixed(w, "--format", "text");
    expect(ran.out).toContain(urls(w).gig("a & <b>.bin"));
    expect(ran.out).toContain("refused.bin");
  });

  scene("--group-by host puts a heading before each group", async (w) => {
    const { lines } = await mixed(w, "--format", "url", "--group-by", "host");
    const { gig, ulozto } = urls(w);
    const at = (line: string) => lines.indexOf(line);
    expect(at(gig("a & <b>.bin"))).toBeLessThan(at(gig('c,"d".bin')));
    expect(at(gig('c,"d".bin'))).toBeLessThan(at(ulozto("a & <b>.bin")));
    expect(lines.filter((line) => /uploadgig/i.test(line) && !line.startsWith("http")).length).toBe(1);
    expect(lines.filter((line) => /ulo[zž]\.?to/i.test(line) && !line.startsWith("http")).length).toBe(1);
  });

  scene("--group-by file puts a heading before each group", async (w) => {
    const { lines } = await mixed(w, "--format", "url", "--group-by", "file");
    expect(lines.filter((line) => line.includes("refused.bin") && !line.startsWith("http")).length).toBe(1);
  });

  scene("json: result objects with every key, the summary last", async (w) => {
    const { ran, files } = await mixed(w, "--json", "--label", "a=1", "--label", "b=x=y");
    const good = ran.results.find((one) => one.file === files[0] && one.host === "ulozto");
    expect(Object.keys(good).sort()).toEqual(
      ["v", "type", "ok", "id", "file", "name", "account", "host", "folder", "size", "md5", "url", "remoteId"]
        .concat(["verified", "attempts", "seconds", "skipped", "labels"])
        .sort(),
    );
    expect(good).toMatchObject({ v: 1, ok: true, folder: "/F", skipped: false, labels: { a: "1", b: "x=y" } });
    const bad = ran.results.find((one) => !one.ok);
    expect(bad).toMatchObject({ v: 1, file: files[1], name: "refused.bin", folder: null, size: 20 });
    expect(bad.error).toMatchObject({
      code: "host_rejected",
      exit: 7,
      hostMessage: "No more space",
      retryable: false,
      url: null,
    });
    expect(Object.keys(bad.error).sort()).toEqual([
      "code",
      "exit",
      "hint",
      "hostMessage",
      "message",
      "retryable",
      "url",
    ]);
    expect(ran.summary).toMatchObject({
      v: 1,
      type: "summary",
      ok: 5,
      failed: 1,
      skipped: 0,
      bytes: 10 + 10 + 20 + 30 + 30,
      exit: 3,
      retryable: false,
      codes: { host_rejected: 1 },
    });
    expect(new Set(ran.results.map((one) => one.id)).size).toBe(6);
  });

  scene("json with -v tells start, progress, retry and stored, too", async (w) => {
    w.ulozto.fault("upload", { breakAt: 1_000_000 });
    const ran = await w.run(["up", w.file("a", 16_000_000), "--to", "ulozto", "--json", "-v", "--resumable", "never"]);
    expect(ran.code).toBe(0);
    const types = new Set(ran.json.map((line) => line.type));
    for (const type of ["start", "retry", "stored", "result", "summary"]) expect(types).toContain(type);
    expect(ran.json.every((line) => line.v === 1)).toBe(true);
  });
});

describe("stderr", () => {
  scene("-q leaves errors only", async (w) => {
    expect((await w.run(["up", w.file("a"), "--to", "uploadgig", "-q"])).err).toBe("");
    const ran = await w.run(["up", w.file("a"), "/nowhere/x", "--to", "uploadgig", "-q"]);
    expect(ran.err).toContain("/nowhere/x");
  });

  scene("an error is three lines at most", async (w) => {
    w.gig.password = "changed";
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig", "-q"]);
    expect(ran.err.trimEnd().split("\n").length).toBeLessThanOrEqual(3);
  });

  scene("holds no colour or cursor codes when it is no terminal", async (w) => {
    const ran = await w.run(["up", w.file("a"), "/nowhere/x", "--to", "uploadgig"]);
    expect(ran.err + ran.out).not.toContain("\u001b");
  });

  scene("--log-format json is one object per line", async (w) => {
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig", "-v", "--log-format", "json"]);
    for (const line of ran.err.trim().split("\n")) expect(typeof JSON.parse(line)).toBe("object");
  });
});

describe("--dry-run", () => {
  scene("tells sources, names and destinations without a call, and leaves nothing behind", async (w) => {
    w.file("t/x.bin", 7);
    const ran = await w.run(["up", "-r", "t", "/nowhere", "--to", "ulozto:/F,uploadgig", "-n", "--json"]);
    expect(w.gig.connections + w.ulozto.connections).toBe(0);
    const plans = ran.json.filter((line) => line.type === "plan");
    const file = join(w.dir, "files", "t", "x.bin");
    expect(plans).toContainEqual(
      expect.objectContaining({ v: 1, type: "plan", file, name: "x.bin", account: "ulozto", folder: "/F/t", size: 7 }),
    );
    expect(plans).toContainEqual(expect.objectContaining({ file, account: "uploadgig", folder: null }));
    expect(plans.find((plan) => plan.file === "/nowhere")?.error?.code).toBe("source");
    const history = await w.run(["history", "--json"]);
    expect(history.results).toEqual([]);
  });

  scene("needs no credentials", async (w) => {
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig", "-n"], { env: { HOIST_UPLOADGIG_PASSWORD: "" } });
    expect(ran.code).toBe(0);
  });
});

describe("several files with mixed fates", () => {
  scene("9 comes before 3: an unknown outcome decides", async (w) => {
    w.gig.fault("body", { breakAt: "answer", when: (request) => request.header("slug") === "b" });
    const ran = await w.run(["up", w.file("a"), w.file("b"), w.file("c"), "/nowhere", "--to", "uploadgig", "--json"]);
    expect(ran.code).toBe(9);
    expect(ran.summary).toMatchObject({ ok: 2, failed: 2, exit: 9, codes: { outcome_unknown: 1, source: 1 } });
  });

  scene("different reasons and nothing stored is 3", async (w) => {
    w.gig.cmbs = 1;
    const ran = await w.run(["up", w.file("a", 2_000_000), "/nowhere", "--to", "uploadgig", "--json"]);
    expect(ran.code).toBe(3);
  });

  scene("one destination failing does not stop the other", async (w) => {
    w.gig.password = "changed";
    const files = ["a", "b", "c"].map((name) => w.file(name));
    const ran = await w.run(["up", ...files, "--to", "uploadgig", "--to", "ulozto", "--json"]);
    expect(ran.code).toBe(3);
    expect(ran.summary).toMatchObject({ ok: 3, failed: 3, codes: { host_auth: 3 } });
    expect(w.gig.of("action").length).toBe(1);
    expect(w.ulozto.files.map((file) => file.name).sort()).toEqual(["a", "b", "c"]);
  });

  scene("retryable is true when an identical run can succeed", async (w) => {
    w.gig.fault("action", { status: 503, body: "x" }, 99);
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig", "--json"]);
    expect(ran.summary).toMatchObject({ exit: 5, retryable: true });
  });

  scene("equal destinations count once", async (w) => {
    const ran = await w.run(["up", w.file("a"), "--to", "ulozto:/F", "--to", "ulozto:F/,ulozto://F", "--json"]);
    expect(ran.results.length).toBe(1);
    expect(w.ulozto.files.length).toBe(1);
  });

  scene("a comma in a folder separates only before a known account", async (w) => {
    const ran = await w.run(["up", w.file("a"), "--to", "ulozto:/A, B,ulozto:/C,uploadgig", "--json"]);
    expect(ran.results.map((one) => one.folder).sort()).toEqual(["/A, B", "/C", null]);
  });

  scene("relative paths become absolute in results", async (w) => {
    const path = w.file("sub/a.bin");
    const ran = await w.run(["up", "./sub/../sub/a.bin", "--to", "uploadgig", "--json"]);
    expect(ran.result).toMatchObject({ file: path, name: basename(path) });
  });
});
