import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { filesBelow, md5Of, scene, world } from "./kit/world.ts";
import { gate } from "./stand-in/fault.ts";
import { testAuthority } from "./stand-in/tls.ts";
import { uploadGig } from "./stand-in/uploadgig.ts";

describe("a hostile current directory", () => {
  scene("with bunfig.toml, .env, package.json and tsconfig.json runs nothing and sets nothing", async (w) => {
    const planted = join(w.dir, "planted");
    w.file("evil.ts", `require("fs").writeFileSync(${JSON.stringify(planted)}, "x");`);
    w.file("bunfig.toml", `preload = ["./evil.ts"]\n[run]\npreload = ["./evil.ts"]\n[test]\npreload = ["./evil.ts"]\n`);
    w.file(
      ".env",
      "HOIST_UPLOADGIG_PASSWORD=planted\nHOIST_UPLOADGIG_URL=http://127.0.0.1:1\nBUN_OPTIONS=--preload=./evil.ts\n",
    );
    w.file(".env.local", "HOIST_UPLOADGIG_USER=planted\n");
    w.file("package.json", `{"name":"x","imports":{"#x":"./evil.ts"}}`);
    w.file("tsconfig.json", `{"compilerOptions":{"paths":{"*":["./evil.ts"]}}}`);
    expect((await w.run(["--version"])).code).toBe(0);
    expect((await w.run(["up", w.file("a"), "--to", "uploadgig"])).code).toBe(0);
    expect(w.gig.files.length).toBe(1);
    expect(existsSync(planted)).toBe(false);
  });

  scene("with what looks like the thread that hashes has no part in hashing", async (w) => {
    const planted = join(w.dir, "planted");
    const evil = `require("fs").writeFileSync(${JSON.stringify(planted)}, "x");`;
    for (const place of ["", "io/", "src/io/", "root/"]) {
      for (const ending of ["ts", "js"]) w.file(`${place}hash-worker.${ending}`, evil);
    }
    const large = w.file("large.bin", 65 * 1024 * 1024);
    const { result } = await w.run(["up", large, "--to", "ulozto", "--json"]);
    expect(result).toMatchObject({ ok: true, verified: "md5", md5: md5Of(large) });
    expect(existsSync(planted)).toBe(false);
  });

  scene("that has been deleted does not matter to absolute paths", async (w) => {
    const gone = w.directory("gone");
    const script = `cd '${gone}' && rmdir '${gone}' && exec "$0" up '${w.file("a")}' --to uploadgig`;
    expect((await w.run([], { through: ["sh", "-c", script] })).code).toBe(0);
  });
});

describe("proxies", () => {
  scene("in the environment do not matter for loopback", async (w) => {
    const nowhere = "http://127.0.0.1:1";
    const env = Object.fromEntries(
      ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"].map((name) => [
        name,
        nowhere,
      ]),
    );
    expect((await w.run(["up", w.file("a"), "--to", "uploadgig,ulozto"], { env })).code).toBe(0);
  });
});

describe("certificates", () => {
  scene(
    "of an unknown authority are refused with 5, without another try and without a byte",
    async (w) => {
      delete w.env.NODE_EXTRA_CA_CERTS;
      const ran = await w.run(["up", w.file("a"), "--to", "uploadgig", "--json"]);
      expect(ran.code).toBe(5);
      expect(ran.result.error).toMatchObject({ code: "certificate", retryable: false });
      expect(w.gig.connections).toBe(1);
      expect(w.gig.seen).toEqual([]);
    },
    { tls: true },
  );

  for (const [what, identity] of [
    ["of another name", () => testAuthority().otherName],
    ["no longer valid", () => testAuthority().expired],
  ] as const) {
    test.concurrent(`${what} are refused with 5`, async () => {
      await using w = await world({ env: { NODE_EXTRA_CA_CERTS: testAuthority().caFile } });
      await using host = await uploadGig({ tls: true, identity: identity() });
      const env = { HOIST_UPLOADGIG_URL: host.url };
      const ran = await w.run(["up", w.file("a"), "--to", "uploadgig", "--json"], { env });
      expect(ran.code).toBe(5);
      expect(ran.result.error.code).toBe("certificate");
      expect(host.seen).toEqual([]);
    });
  }

  scene(
    "NODE_TLS_REJECT_UNAUTHORIZED=0 changes nothing: there is no --insecure",
    async (w) => {
      delete w.env.NODE_EXTRA_CA_CERTS;
      const ran = await w.run(["up", w.file("a"), "--to", "uploadgig"], { env: { NODE_TLS_REJECT_UNAUTHORIZED: "0" } });
      expect(ran.code).toBe(5);
      expect(w.gig.seen).toEqual([]);
    },
    { tls: true },
  );
});

test
  .skipIf(process.platform !== "linux")
  .concurrent("nohup keeps an upload going when the terminal is closed", async () => {
    await using w = await world();
    const held = gate();
    w.gig.fault("body", { gate: held, gateAt: 5 });
    const live = w.start(["up", w.file("a", 1000), "--to", "uploadgig"], { through: ["nohup"] });
    await held.reached;
    live.kill("SIGHUP");
    await Bun.sleep(100);
    held.open();
    expect((await live.ended).code).toBe(0);
  });

describe("the state directory", () => {
  scene("is 0700 and its files 0600", async (w) => {
    await w.run(["up", w.file("a"), "--to", "uploadgig"], { through: ["sh", "-c", 'umask 000; exec "$0" "$@"'] });
    expect(statSync(w.stateDir).mode & 0o777).toBe(0o700);
    const files = filesBelow(w.stateDir);
    expect(files.length).toBeGreaterThan(0);
    for (const path of files) expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  scene("that cannot be made leaves nobody able to say that nothing is interrupted: 11", async (w) => {
    const ran = await w.run(["resume", "--json", "--state-dir", join(w.file("a"), "below")]);
    expect(ran.code).toBe(11);
    expect(ran.json).toMatchObject([{ type: "summary", exit: 11, codes: { state: 1 } }]);
    expect(ran.err).not.toContain("nothing is interrupted");
  });

  test.skipIf(process.getuid?.() !== 0).concurrent("of a user without any home is done without", async () => {
    await using w = await world();
    const path = w.file("a");
    const unset = ["env", "-u", "HOME", "-u", "HOIST_STATE_DIR"];
    const nobody = ["setpriv", "--reuid=64999", "--regid=64999", "--clear-groups", ...unset];
    for (const directory of [w.dir, dirname(path)]) chmodSync(directory, 0o755);
    const ran = await w.run(["up", path, "--to", "uploadgig"], { through: nobody });
    expect(ran.code).toBe(0);
    expect(ran.err).toContain("no record is kept");
    expect((await w.run(["config", "path"], { through: nobody })).code).toBe(0);
  });

  scene("that is damaged is 11, and the database is left as it was", async (w) => {
    await w.run(["up", w.file("a"), "--to", "uploadgig"]);
    const [database = ""] = filesBelow(w.stateDir).filter((path) => /\.(db|sqlite3?)$/.test(path));
    const rubbish = "no database ".repeat(1000);
    writeFileSync(database, rubbish);
    const ran = await w.run(["up", w.file("b"), "--to", "uploadgig"]);
    expect(ran.code).toBe(11);
    expect(await Bun.file(database).text()).toBe(rubbish);
    expect(w.gig.of("action").length).toBe(1);
  });
});

describe("secrets", () => {
  scene("stand in no command line, output, log or file while and after uploads run, fail and wait", async (w) => {
    const held = gate();
    w.gig.fault("body", { gate: held, gateAt: 5 });
    w.ulozto.fault("upload", { breakAt: "answer" });
    w.ulozto.fault("commit", { status: 503, body: `<html>${w.ulozto.state.token}</html>` });
    const live = w.start(["up", w.file("a", 1000), "--to", "uploadgig,ulozto", "-v", "--log-format", "json"]);
    await held.reached;
    const secrets = [w.gig.password, w.ulozto.state.token ?? "?"];
    const cmdline = await Bun.file(`/proc/${live.pid}/cmdline`).text();
    for (const secret of secrets) expect(cmdline).not.toContain(secret);
    held.open();
    expect((await live.ended).code).toBe(0);
    // The rest stands in `expectClean`: output, log and state directory of every test.
  });

  scene("stay out of what Bun can be told to print of requests", async (w) => {
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig,ulozto"], {
      env: { BUN_CONFIG_VERBOSE_FETCH: "curl" },
    });
    expect(ran.code).toBe(0);
    expect(ran.err).not.toMatch(/X-Auth-Token|HTTP\/1/i);
  });

  scene("that a host throws back at us are not repeated", async (w) => {
    const secret = w.gig.password;
    w.gig.fault("action", {
      body: { code: "0", result: `No user me with ${secret} and ${encodeURIComponent(secret)}` },
    });
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig", "--json", "-v"]);
    expect(ran.code).toBe(6);
  });
});

describe("help and version", () => {
  test.concurrent("-h, --help, help and no arguments print to stdout and end with 0", async () => {
    await using w = await world();
    for (const args of [["-h"], ["--help"], ["help"], [], ["up", "--help"], ["resume", "-h"]]) {
      const ran = await w.run(args);
      expect([args.join(" "), ran.code]).toEqual([args.join(" "), 0]);
      expect(ran.out).toContain("hoist");
    }
    for (const topic of ["exit-codes", "environment", "formats", "hooks"]) {
      expect([topic, (await w.run(["help", topic])).code]).toEqual([topic, 0]);
    }
  });

  test.concurrent("-V and --version print one line", async () => {
    await using w = await world();
    for (const flag of ["-V", "--version"]) {
      const ran = await w.run([flag]);
      expect(ran.code).toBe(0);
      expect(ran.out).toMatch(/^[^\n]*\d+\.\d+\.\d+[^\n]*\n$/);
    }
  });

  test("a pipe of more than 64 KiB is printed whole", async () => {
    await using w = await world();
    for (let n = 0; n < 700; n += 1) w.file(`t/${"x".repeat(100)}-${n}`, 0);
    const ran = await w.run([], { through: ["sh", "-c", `"$0" up -r t --to uploadgig -n --json | (sleep 0.3; cat)`] });
    expect(ran.out.length).toBeGreaterThan(100_000);
    expect(ran.json.filter((line) => line.type === "plan").length).toBe(700);
  });
});
