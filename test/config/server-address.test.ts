import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import {
  ensureServerToken,
  readServerAddress,
  readServerToken,
  removeServerAddress,
  writeServerAddress,
} from "../../src/config/server-address.ts";
import { temporaryDirectory } from "../support/temporary.ts";

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe("a server's address", () => {
  test("is for its user alone, and goes with the server it belongs to", async () => {
    using home = temporaryDirectory();
    const state = join(home.path, "state");
    expect(await readServerAddress(state)).toBeNull();
    await removeServerAddress(state, "http://127.0.0.1:1");
    await writeServerAddress(state, { url: "http://127.0.0.1:1" });
    await writeServerAddress(state, { url: "unix:/run/hoist.sock" });
    expect(await readServerAddress(state)).toEqual({ url: "unix:/run/hoist.sock" });
    expect([mode(state), mode(join(state, "serve.json"))]).toEqual(["700", "600"]);
    await removeServerAddress(state, "http://127.0.0.1:1");
    expect(await readServerAddress(state)).toEqual({ url: "unix:/run/hoist.sock" });
    await removeServerAddress(state, "unix:/run/hoist.sock");
    expect(await readServerAddress(state)).toBeNull();
  });

  test.each(["", "{", '{"url":"ftp://x"}', '{"url":7}', "[]"])("that makes no sense is none: %p", async (text) => {
    using home = temporaryDirectory();
    home.file("serve.json", text);
    expect(await readServerAddress(home.path)).toBeNull();
  });
});

describe("a server's own token", () => {
  test("is made once, long, and for its user alone", async () => {
    using home = temporaryDirectory();
    expect(await readServerToken(home.path)).toBeNull();
    const made = await ensureServerToken(home.path);
    expect(made.created).toBe(true);
    expect(made.token.length).toBeGreaterThanOrEqual(43);
    expect(mode(made.path)).toBe("600");
    expect(await ensureServerToken(home.path)).toEqual({ ...made, created: false });
    expect(await readServerToken(home.path)).toBe(made.token);
  });
});
