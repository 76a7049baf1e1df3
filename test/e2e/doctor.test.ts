import { describe, expect } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "./kit/lines.ts";
import { scene, type World } from "./kit/world.ts";

async function examine(w: World, ...args: string[]): Promise<{ code: number; found: readonly Json[] }> {
  const { code, json } = await w.run(["doctor", "--json", ...args]);
  return { code, found: json };
}

function about(found: readonly Json[], check: string): Json[] {
  return found.filter((each) => each.check === check).map(({ state, text, code }) => ({ state, text, code }));
}

const TOKEN = "a-token-that-is-long-enough";
const CHECK = "server configuration";

function config(w: World, text: string): string {
  const path = w.file("doctor.toml", text);
  chmodSync(path, 0o600);
  return path;
}

describe("hoist doctor", () => {
  scene("finds nothing wrong where nothing is, and logs in nowhere", async (w) => {
    const { code, found } = await examine(w);
    expect(code).toBe(0);
    expect(found.filter(({ state }) => state === "failed" || state === "warning")).toEqual([]);
    expect([w.gig.seen, w.ulozto.seen]).toEqual([[], []]);
    expect(about(found, "credentials ulozto")).toMatchObject([
      { state: "note", text: expect.stringContaining("published test key") },
    ]);
    expect(about(found, CHECK)).toEqual([]);
  });

  scene("a state directory that cannot be one is exit 11, told once", async (w) => {
    const file = w.file("not-a-directory");
    const { code, found } = await examine(w, "--state-dir", file);
    expect(code).toBe(11);
    expect(about(found, "state")).toEqual([{ state: "failed", text: `${file} is no directory`, code: "state" }]);
    mkdirSync(w.stateDir, { mode: 0o700 });
    writeFileSync(join(w.stateDir, "hoist.db"), "garbage");
    const damaged = await examine(w);
    expect(damaged.code).toBe(11);
    expect(damaged.found.filter(({ state }) => state === "failed").map(({ check }) => check)).toEqual(["state"]);
  });

  scene("others who may look into the state directory are told of, and the rest is looked at", async (w) => {
    const shared = w.directory("shared");
    w.file("shared/somebody's");
    chmodSync(shared, 0o755);
    const { code, found } = await examine(w, "--state-dir", shared);
    expect(code).toBe(0);
    expect(about(found, "state")).toMatchObject([{ state: "warning", text: expect.stringContaining("(0755)") }]);
  });

  scene("the server's configuration is judged as the server would", async (w) => {
    const wrong: readonly (readonly [toml: string, text: string])[] = [
      [`[[serve.tokens]]\nname = "a"\nsecret = "short"`, "serve.tokens[0].secret"],
      [`[hooks.x]\npath = "$.p"\nto = ["nowhere:/x"]`, "nowhere"],
      [`[hooks.x]\npath = "$.p"\nto = ["ulozto"]\nauth = { bearer = { file = "/not/there" } }`, "hooks.x.auth.bearer"],
      [`[[notify]]\nurl = { file = "/not/there" }`, "/not/there"],
    ];
    for (const [toml, text] of wrong) {
      const { code, found } = await examine(w, "--config", config(w, toml));
      expect(code).toBe(2);
      expect(about(found, CHECK)).toMatchObject([{ state: "failed", text: expect.stringContaining(text) }]);
    }
    const toml = `[serve]\nroots = ["${w.dir}", "/not/there"]\n[[serve.tokens]]\nname = "ci"\nsecret = "${TOKEN}"`;
    const { code, found } = await examine(w, "--config", config(w, toml));
    expect(code).toBe(0);
    expect(about(found, CHECK)).toMatchObject([
      { state: "warning", text: "the root /not/there is not there" },
      { state: "ok", text: "listens on 127.0.0.1:7411; tokens: ci" },
    ]);
    expect(JSON.stringify(found)).not.toContain(TOKEN);
    w.env.HOIST_SERVE_LISTEN = "0.0.0.0:7411";
    expect((await examine(w)).code).toBe(2);
  });

  scene("variables that mean nothing are told, with one that does where it is near", async (w) => {
    Object.assign(w.env, { HOIST_STATEDIR: "x", HOIST_ULOZTO_TOKN: "x", HOIST_ZZZ_QQ: "x", HOIST_EMPTY: "" });
    const { code, found } = await examine(w);
    expect(code).toBe(0);
    const told = found.filter(({ check }) => check === "environment").map(({ text, hint }) => `${text}; ${hint}`);
    expect(told).toEqual([
      "HOIST_STATEDIR means nothing to this version; the nearest variable is HOIST_STATE_DIR",
      "HOIST_ULOZTO_TOKN means nothing to this version; the nearest variable is HOIST_ULOZTO_TOKEN",
      "HOIST_ZZZ_QQ means nothing to this version; null",
    ]);
  });

  scene("a host that cannot be reached is exit 5", async (w) => {
    w.env.HOIST_ULOZTO_URL = "http://127.0.0.1:1";
    const { code, found } = await examine(w);
    expect(code).toBe(5);
    expect(about(found, "reach http://127.0.0.1:1")).toMatchObject([{ state: "failed", code: "network" }]);
  });

  scene(
    "a certificate that nobody vouches for is told of",
    async (w) => {
      expect((await examine(w)).code).toBe(0);
      w.env.NODE_EXTRA_CA_CERTS = "";
      const { code, found } = await examine(w);
      expect(code).toBe(5);
      expect(found.filter(({ state }) => state === "failed").map(({ code }) => code)).toContain("certificate");
    },
    { tls: true },
  );

  scene("a refused login is exit 6, with --login alone", async (w) => {
    w.env.HOIST_UPLOADGIG_PASSWORD = "wrong";
    expect((await examine(w)).code).toBe(0);
    expect(w.gig.seen.length).toBe(0);
    const { code, found } = await examine(w, "--login");
    expect(code).toBe(6);
    expect(about(found, "login uploadgig")).toMatchObject([{ state: "failed", code: "host_auth" }]);
    // Now it stands in the ledger, and is told without a call.
    expect(about((await examine(w)).found, "account uploadgig")).toMatchObject([{ state: "warning" }]);
    expect(w.gig.seen.length).toBe(1);
  });
});
