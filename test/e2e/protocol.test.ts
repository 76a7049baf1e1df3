import { describe, expect } from "bun:test";
import { md5Of, scene, type World } from "./kit/world.ts";
import { TEST_API_KEY } from "./stand-in/ulozto-state.ts";

/** Names that a header, a form or a shell could damage; each fits a file system's 255 bytes. */
const NAMES = [
  "plain.bin",
  "two  spaces and.dots..bin",
  "Žluťoučký kůň 100%.txt",
  "smile 😀👩‍👩‍👧.bin",
  `quo"ted 'single' and \\ back.txt`,
  "100% sure %41%0D%0A.txt",
  "a;b&c=d?e#f+g,h.txt",
  "%22.txt",
  `${"x".repeat(251)}.bin`,
];
const SIZES = [0, 1, 3_000_000];

/** The Slug of a name: ASCII byte for byte; of others the bytes outside 0x20–0x7E and `%` percent-encoded. */
function slugOf(name: string): string {
  if (/^[ -~]+$/.test(name)) return name;
  return [...Buffer.from(name)]
    .map((byte) =>
      byte < 0x20 || byte > 0x7e || byte === 0x25
        ? `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
        : String.fromCharCode(byte),
    )
    .join("");
}

const headersOf = (lines: readonly (readonly [string, string])[]) => lines.map(([name]) => name.toLowerCase());

async function sendsEverything(w: World): Promise<void> {
  const files = [
    ...NAMES.map((name) => ({ name, path: w.file(name, 1000 + name.length) })),
    ...SIZES.map((size) => ({ name: `size-${size}`, path: w.file(`size-${size}`, size) })),
  ];
  const ran = await w.run([
    "up",
    ...files.map(({ path }) => path),
    "--to",
    "uploadgig",
    "--to",
    "ulozto:/Deep/Er",
    "--json",
  ]);
  expect(ran.err).not.toContain("rror");
  expect(ran.code).toBe(0);
  expect(ran.summary).toMatchObject({ ok: 2 * files.length, failed: 0, skipped: 0, exit: 0 });
  for (const { name, path } of files) {
    const size = Bun.file(path).size;
    const content = { size, md5: md5Of(path) };
    const gig = w.gig.files.find((file) => file.name === name);
    expect(gig).toMatchObject({ ...content, slug: slugOf(name), framing: "length" });
    const ulozto = w.ulozto.files.find((file) => file.name === name);
    expect(ulozto).toMatchObject(content);
    if (ulozto) expect(w.ulozto.pathOf(ulozto)).toBe("/Deep/Er");
    const common = { v: 1, ok: true, file: path, name, size, attempts: 1, skipped: false, labels: {} };
    const results = ran.results.filter((result) => result.name === name);
    expect(results.find((one) => one.host === "uploadgig")).toMatchObject({
      ...common,
      account: "uploadgig",
      folder: null,
      url: gig?.url ?? "?",
      md5: null,
      verified: "size",
    });
    expect(results.find((one) => one.host === "ulozto")).toMatchObject({
      ...common,
      account: "ulozto",
      folder: "/Deep/Er",
      url: `https://uloz.to/file/${ulozto?.slug}/${encodeURIComponent(name)}`,
      remoteId: ulozto?.slug ?? "?",
      md5: content.md5,
      verified: "md5",
    });
  }
  expect(w.gig.mostBodies).toBe(1);
  expect(w.gig.of("action").length).toBe(files.length);
  expect(w.ulozto.of("login-token").length).toBe(1);
  expect(w.ulozto.of("create-folder").length).toBe(2);
}

describe("exact bytes and names", () => {
  scene("reach both hosts over HTTP", sendsEverything);
  scene("reach both hosts over TLS, with the authority named by NODE_EXTRA_CA_CERTS", sendsEverything, { tls: true });

  scene("255 characters of any script are a name, given by --name", async (w) => {
    const name = `${"ř".repeat(251)}.bin`;
    const ran = await w.run(["up", w.file("short"), "--name", name, "--to", "ulozto,uploadgig"]);
    expect(ran.code).toBe(0);
    expect(w.ulozto.files).toMatchObject([{ name }]);
    expect(w.gig.files).toMatchObject([{ name, slug: slugOf(name) }]);
  });

  scene("a name with blanks at its ends arrives with them", async (w) => {
    const name = "  padded name  ";
    expect((await w.run(["up", w.file(name), "--to", "ulozto,uploadgig"])).code).toBe(0);
    expect(w.ulozto.files).toMatchObject([{ name }]);
    expect(w.gig.files).toMatchObject([{ name, slug: "%20 padded name %20" }]);
  });
});

describe("UploadGig's two calls", () => {
  scene(
    "are a form with user and pass, then the raw bytes with Slug and Content-Length, and nothing else",
    async (w) => {
      const password = `p&=+%"č ${crypto.randomUUID()}`;
      w.gig.password = password;
      w.env.HOIST_UPLOADGIG_PASSWORD = password;
      const path = w.file("one.bin", 5000);
      expect((await w.run(["up", path, "--to", "uploadgig"])).code).toBe(0);
      const [action, body, ...more] = w.gig.seen;
      expect(more).toEqual([]);
      expect(action?.head).toMatchObject({ method: "POST", target: "/api/get_upload_action" });
      expect([...new URLSearchParams(action?.text)]).toEqual([
        ["user", w.gig.user],
        ["pass", password],
      ]);
      expect(body).toMatchObject({ received: 5000, md5: md5Of(path) });
      expect(body?.head).toMatchObject({ method: "POST", framing: { kind: "length", bytes: 5000 } });
      expect(headersOf(body?.head.lines ?? [])).not.toContain("transfer-encoding");
      expect(body?.head.header("slug")).toBe("one.bin");
      expect(body?.text).not.toContain("Content-Disposition");
    },
  );

  scene("an empty file is sent with Content-Length: 0", async (w) => {
    expect((await w.run(["up", w.file("empty", 0), "--to", "uploadgig"])).code).toBe(0);
    expect(w.gig.of("body")[0]?.head.header("content-length")).toBe("0");
    expect(w.gig.files).toMatchObject([{ size: 0 }]);
  });

  for (const [what, change] of [
    ["code as a number", (answer) => ({ ...answer, code: 1 })],
    ["cmbs as a numeric string", (answer) => ({ ...answer, result: { ...answer.result, cmbs: "10240" } })],
    ["no cmbs", (answer) => ({ ...answer, result: { action: answer.result.action } })],
    ["a cmbs that is no number", (answer) => ({ ...answer, result: { ...answer.result, cmbs: "lots" } })],
  ] as const satisfies [string, (answer: { result: { action: string } }) => unknown][]) {
    scene(`an answer with ${what} is understood`, async (w) => {
      w.gig.fault("action", { change });
      expect((await w.run(["up", w.file("a"), "--to", "uploadgig"])).code).toBe(0);
    });
  }

  scene("the second answer may be an array", async (w) => {
    w.gig.fault("body", { change: (answer) => [answer[0]] });
    expect((await w.run(["up", w.file("a"), "--to", "uploadgig"])).code).toBe(0);
  });

  scene("a file of exactly cmbs MiB is allowed", async (w) => {
    w.gig.cmbs = 1;
    expect((await w.run(["up", w.file("a", 1_048_576), "--to", "uploadgig"])).code).toBe(0);
  });
});

describe("Ulož.to's calls", () => {
  const steps = (w: World) => w.ulozto.seen.map((one) => one.step);

  scene("stand in the order of the page: login, link, upload, properties, commit", async (w) => {
    const path = w.file("one.bin", 5000);
    expect((await w.run(["up", path, "--to", "ulozto"])).code).toBe(0);
    expect(steps(w).filter((step) => !step.startsWith("list-"))).toEqual([
      "login-token",
      "link",
      "upload",
      expect.stringMatching(/^propert(y|ies)$/),
      "commit",
    ]);
    const link = JSON.parse(w.ulozto.of("link")[0]?.text ?? "{}");
    expect(link).toEqual({ user_login: "me", realm: "ulozto" });
    const upload = w.ulozto.of("upload")[0];
    expect(upload?.head.target).toMatch(/^\/upload\/v1\?signature=[^&]+&server=1&batch_file_id=1&is_porn=false$/);
    expect(upload?.head.header("content-type")).toMatch(/^multipart\/form-data; ?boundary=/);
    expect(w.ulozto.of("commit")[0]?.head.method).toBe("PATCH");
    for (const call of w.ulozto.seen.filter((one) => one.step !== "upload")) {
      expect(call.head.header("x-auth-token")).toBe(TEST_API_KEY);
    }
    expect(w.ulozto.files).toMatchObject([{ name: "one.bin", folder: w.ulozto.state.root, md5: md5Of(path) }]);
  });

  scene("a password logs in by PUT /v6/session", async (w) => {
    delete w.env.HOIST_ULOZTO_TOKEN;
    w.env.HOIST_ULOZTO_PASSWORD = `pw-${crypto.randomUUID()}`;
    w.ulozto.state.password = w.env.HOIST_ULOZTO_PASSWORD;
    expect((await w.run(["up", w.file("a"), "--to", "ulozto"])).code).toBe(0);
    expect(steps(w)).not.toContain("login-token");
    expect(w.ulozto.of("login-password").length).toBe(1);
  });

  scene("a token that POST refuses is tried as the password of PUT", async (w) => {
    w.ulozto.state.tokenIsPassword = true;
    expect((await w.run(["up", w.file("a"), "--to", "ulozto"])).code).toBe(0);
    expect(steps(w).slice(0, 2)).toEqual(["login-token", "login-password"]);
  });

  scene("an own api key replaces the published one", async (w) => {
    w.ulozto.state.apiKey = `key-${crypto.randomUUID()}`;
    w.env.HOIST_ULOZTO_API_KEY = w.ulozto.state.apiKey;
    const ran = await w.run(["up", w.file("a"), "--to", "ulozto", "-v"]);
    expect(ran.code).toBe(0);
    expect(ran.out + ran.err).not.toContain(w.ulozto.state.apiKey);
  });

  scene("a host that confirms by PUT only is confirmed by PUT", async (w) => {
    w.ulozto.state.commitByPut = true;
    expect((await w.run(["up", w.file("a"), "--to", "ulozto"])).code).toBe(0);
    expect(w.ulozto.of("commit").map((one) => one.head.method)).toEqual(["PATCH", "PUT"]);
  });

  scene("one session serves all files of a run", async (w) => {
    const files = Array.from({ length: 12 }, (_, n) => w.file(`f${n}`, 100));
    expect((await w.run(["up", ...files, "--to", "ulozto", "-j", "6"])).code).toBe(0);
    expect(w.ulozto.files.length).toBe(12);
    expect(w.ulozto.of("login-token").length).toBe(1);
  });

  scene("files above 16 MiB have batches of their own, and their names in the properties", async (w) => {
    const files = [w.file("big one", 17 * 1024 * 1024), w.file("big two", 17 * 1024 * 1024)];
    expect((await w.run(["up", ...files, "--to", "ulozto"])).code).toBe(0);
    expect(new Set(w.ulozto.files.map((file) => file.batch)).size).toBe(2);
    for (const batch of w.ulozto.state.batches.values()) expect(batch.commits).toBe(1);
  });
});

describe("folders on Ulož.to", () => {
  scene("are found among pages of 500, whatever stands before them", async (w) => {
    const parent = w.ulozto.folder("/Many");
    for (let n = 0; n < 1201; n += 1) w.ulozto.state.folders.push({ slug: `s${n}`, name: `target ${n}`, parent });
    w.ulozto.state.folders.push({ slug: "wanted", name: "target", parent });
    expect((await w.run(["up", w.file("a"), "--to", "ulozto:/Many/target"])).code).toBe(0);
    expect(w.ulozto.of("create-folder")).toEqual([]);
    expect(w.ulozto.files).toMatchObject([{ folder: "wanted" }]);
  });

  scene("match exactly after NFC, and of several of one name the first is taken, with a note", async (w) => {
    const first = w.ulozto.folder("/Pří");
    w.ulozto.folder("/Pří");
    w.ulozto.folder("/pří");
    const ran = await w.run(["up", w.file("a"), "--to", `ulozto:/${"Pří".normalize("NFD")}`]);
    expect(ran.code).toBe(0);
    expect(w.ulozto.files).toMatchObject([{ folder: first }]);
    expect(ran.err).toContain("Pří");
  });

  scene("missing ones are made once, however many files want them", async (w) => {
    const files = Array.from({ length: 8 }, (_, n) => w.file(`f${n}`, 100));
    expect((await w.run(["up", ...files, "--to", "ulozto:A//B/C/", "-j", "8"])).code).toBe(0);
    expect(w.ulozto.of("create-folder").length).toBe(3);
    expect(w.ulozto.files.map((file) => w.ulozto.pathOf(file))).toEqual(Array(8).fill("/A/B/C"));
    expect(w.ulozto.seen.every((one) => !one.head.path.includes("//"))).toBe(true);
  });
});
