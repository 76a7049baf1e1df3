import { describe, expect } from "bun:test";
import { scene } from "./kit/world.ts";
import { gate } from "./stand-in/fault.ts";

describe("two processes at once", () => {
  scene("a lane of UploadGig that is busy in another process is waited for, its owner named on stderr", async (w) => {
    const held = gate();
    w.gig.fault("body", { gate: held, gateAt: "answer" });
    const first = w.start(["up", w.file("a"), "--to", "uploadgig"]);
    await held.reached;
    const second = w.start(["up", w.file("b"), "--to", "uploadgig"]);
    await second.until((_, err) => err.includes(String(first.pid)));
    expect(w.gig.of("action").length).toBe(1);
    held.open();
    expect((await first.ended).code).toBe(0);
    expect((await second.ended).code).toBe(0);
    expect(w.gig.mostBodies).toBe(1);
    expect(w.gig.files.map((file) => file.name)).toEqual(["a", "b"]);
  });

  scene("the lane of a killed process is free at once", async (w) => {
    const held = gate();
    w.gig.fault("body", { gate: held, gateAt: 5 });
    const first = w.start(["up", w.file("a"), "--to", "uploadgig"]);
    await held.reached;
    first.kill("SIGKILL");
    await first.ended;
    const second = await w.run(["up", w.file("b"), "--to", "uploadgig"]);
    expect(second.code).toBe(0);
    expect(second.ms).toBeLessThan(5_000);
  });

  scene("many processes on one account send one body at a time", async (w) => {
    const runs = Array.from({ length: 4 }, (_, n) =>
      w.run(["up", w.file(`f${n}-1`, 50_000), w.file(`f${n}-2`, 50_000), "--to", "uploadgig"]),
    );
    expect((await Promise.all(runs)).map((ran) => ran.code)).toEqual([0, 0, 0, 0]);
    expect(w.gig.mostBodies).toBe(1);
    expect(w.gig.files.length).toBe(8);
  });

  for (const to of ["uploadgig", "ulozto:/F"]) {
    scene(`${to}: the same source, destination and name in another live process is 11`, async (w) => {
      const held = gate();
      if (to === "uploadgig") w.gig.fault("body", { gate: held, gateAt: 5 });
      else w.ulozto.fault("upload", { gate: held, gateAt: 5 });
      const path = w.file("a", 1000);
      const first = w.start(["up", path, "--to", to]);
      await held.reached;
      const second = await w.run(["up", path, "--to", to, "--json"]);
      expect(second.code).toBe(11);
      expect(second.result.error.code).toBe("state");
      expect(second.err).toContain(String(first.pid));
      const renamed = w.start(["up", path, "--to", to, "--name", "other"]);
      held.open();
      expect((await first.ended).code).toBe(0);
      expect((await renamed.ended).code).toBe(0);
    });
  }

  scene("a missing folder is made once by processes that start together", async (w) => {
    w.ulozto.fault("create-folder", { delayMs: 150 }, 9);
    const runs = Array.from({ length: 3 }, (_, n) => w.run(["up", w.file(`f${n}`), "--to", "ulozto:/New/Deep"]));
    expect((await Promise.all(runs)).map((ran) => ran.code)).toEqual([0, 0, 0]);
    expect(w.ulozto.of("create-folder").length).toBe(2);
    expect(w.ulozto.files.map((file) => w.ulozto.pathOf(file))).toEqual(["/New/Deep", "/New/Deep", "/New/Deep"]);
  });

  scene("--skip-existing counts what another process is uploading", async (w) => {
    const held = gate();
    w.gig.fault("body", { gate: held, gateAt: 5 });
    const path = w.file("a", 1000);
    const first = w.start(["up", path, "--to", "uploadgig"]);
    await held.reached;
    const second = await w.run(["up", path, "--to", "uploadgig", "--skip-existing", "--json"]);
    expect(second.code).toBe(0);
    expect(second.result).toMatchObject({ ok: true, skipped: true, skipReason: "running" });
    held.open();
    expect((await first.ended).code).toBe(0);
  });
});

describe("what one run learns holds for the next", () => {
  scene("a cool-down is shared by a process that runs at the same time", async (w) => {
    w.gig.fault("action", { body: { code: "-3", result: "wait a few minutes" } });
    const first = w.start(["up", w.file("a"), "--to", "uploadgig"], { env: { HOIST_RETRY_BASE: "10ms" } });
    await first.until(() => w.gig.of("action").length === 1);
    await Bun.sleep(200);
    const second = await w.run(["up", w.file("b"), "--to", "uploadgig", "--wait-cooldown", "0", "--json"]);
    expect(second.code).toBe(5);
    expect(second.result.error.code).toBe("rate_limited");
    expect(w.gig.of("action").length).toBe(1);
    expect((await first.ended).code).toBe(0);
  });

  scene("a cool-down doubles while the host goes on asking for one", async (w) => {
    w.gig.fault("action", { body: { code: "-3", result: "wait" } }, 2);
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig"], { env: { HOIST_RETRY_BASE: "2ms" } });
    expect(ran.code).toBe(0);
    const [first = 0, second = 0, third = 0] = w.gig.of("action").map((one) => one.at);
    // 300 and 600 × the base.
    expect(second - first).toBeGreaterThan(590);
    expect(third - second).toBeGreaterThan(1_190);
  });

  scene("files not yet tried stay interrupted when a cool-down is not waited for, and resume takes them", async (w) => {
    w.gig.fault("action", { body: { code: "-3", result: "wait" } });
    const files = ["a", "b", "c"].map((name) => w.file(name));
    const ran = await w.run(["up", ...files, "--to", "uploadgig", "--wait-cooldown", "0", "--json"]);
    expect(ran.code).toBe(5);
    expect(w.gig.of("action").length).toBe(1);
    const resumed = await w.run(["resume", "--json"], { env: { HOIST_RETRY_BASE: "1ms" } });
    expect(resumed.code).toBe(5);
    await Bun.sleep(3_000);
    expect((await w.run(["resume", "--json"])).code).toBe(0);
    expect(w.gig.files.map((file) => file.name)).toEqual(["a", "b", "c"]);
  });

  scene("the first refused login fails the account's other files without a call", async (w) => {
    w.gig.password = "changed";
    const files = ["a", "b", "c", "d"].map((name) => w.file(name));
    const ran = await w.run(["up", ...files, "--to", "uploadgig", "--json"]);
    expect(ran.code).toBe(6);
    expect(ran.summary).toMatchObject({ failed: 4, codes: { host_auth: 4 }, exit: 6 });
    expect(w.gig.of("action").length).toBe(1);
  });

  for (const to of ["uploadgig", "ulozto"] as const) {
    scene(
      `${to}: a refused login stops the account in later runs, without a call, until its secret changes`,
      async (w) => {
        const variable = to === "uploadgig" ? "HOIST_UPLOADGIG_PASSWORD" : "HOIST_ULOZTO_TOKEN";
        const right = w.env[variable] ?? "";
        const path = w.file("a");
        const wrong = { env: { [variable]: "wrong" } };
        expect((await w.run(["up", path, "--to", to], wrong)).code).toBe(6);
        const calls = w.gig.seen.length + w.ulozto.seen.length;
        const again = await w.run(["up", path, "--to", to, "--json"], wrong);
        expect(again.code).toBe(6);
        expect(again.result.error.code).toBe("host_auth");
        expect(w.gig.seen.length + w.ulozto.seen.length).toBe(calls);
        expect((await w.run(["up", path, "--to", to], { env: { [variable]: right } })).code).toBe(0);
      },
    );
  }

  scene("`hoist account check` that succeeds lets the account go on with the same secret", async (w) => {
    const right = w.ulozto.state.token;
    w.ulozto.state.token = "meanwhile another";
    const path = w.file("a");
    expect((await w.run(["up", path, "--to", "ulozto"])).code).toBe(6);
    w.ulozto.state.token = right;
    expect((await w.run(["up", path, "--to", "ulozto"])).code).toBe(6);
    expect((await w.run(["account", "check", "ulozto"])).code).toBe(0);
    expect((await w.run(["up", path, "--to", "ulozto"])).code).toBe(0);
  });

  scene("lanes and cool-downs belong to host, origin and login, not to the account's name", async (w) => {
    const env = {
      HOIST_OTHER_HOST: "uploadgig",
      HOIST_OTHER_URL: w.gig.url,
      HOIST_OTHER_USER: w.gig.user,
      HOIST_OTHER_PASSWORD: w.gig.password,
    };
    const [one, two] = [w.file("one", 100_000), w.file("two", 100_000)];
    const held = gate();
    w.gig.fault("body", { gate: held, gateAt: 5 });
    const first = w.start(["up", one, "--to", "uploadgig"]);
    await held.reached;
    const second = w.start(["up", two, "--to", "other"], { env });
    await second.until((_, err) => err.includes(String(first.pid)));
    held.open();
    expect([(await first.ended).code, (await second.ended).code]).toEqual([0, 0]);
    expect(w.gig.mostBodies).toBe(1);
    const again = await w.run(["up", one, "--to", "other", "--skip-existing", "--json"], { env });
    expect(again.result).toMatchObject({ skipped: true, skipReason: "ledger" });
  });

  scene("two names for one account are one destination", async (w) => {
    const env = {
      HOIST_OTHER_HOST: "uploadgig",
      HOIST_OTHER_URL: w.gig.url,
      HOIST_OTHER_USER: w.gig.user,
      HOIST_OTHER_PASSWORD: w.gig.password,
    };
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig,other", "--json"], { env });
    expect(ran.code).toBe(0);
    expect(w.gig.files.length).toBe(1);
  });
});
