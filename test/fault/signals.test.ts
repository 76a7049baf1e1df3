import { describe, expect } from "bun:test";
import type { Live } from "../e2e/kit/run.ts";
import { scene, type World } from "../e2e/kit/world.ts";
import { MOMENTS, type Moment } from "./moments.ts";

const SIGNALS = [
  ["SIGHUP", 129],
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const;

const bodies = (w: World, host: Moment["host"]) =>
  (host === "uploadgig" ? w.gig.of("body") : w.ulozto.of("upload")).length;

async function standAt(w: World, moment: Moment): Promise<{ live: Live; args: string[]; path: string }> {
  const path = w.file("a.bin", moment.size);
  const reached = moment.hold(w);
  const to = moment.host === "uploadgig" ? "uploadgig" : "ulozto:/F";
  const args = ["up", path, "--to", to, "--json", "--resumable", "never"];
  const live = w.start(args);
  await Promise.race([
    reached,
    live.ended.then((ran) => Promise.reject(new Error(`ended before the moment: ${ran.code}\n${ran.err}`))),
  ]);
  return { live, args, path };
}

/** The file is visible exactly once, every batch confirmed at most once, nothing unknown confirmed. */
function isThereOnce(w: World, moment: Moment): void {
  if (moment.host === "uploadgig") expect(w.gig.files.length).toBe(1);
  else {
    expect(w.ulozto.files).toMatchObject([{ name: "a.bin", size: moment.size }]);
    const confirmed = [...w.ulozto.state.batches.values()].filter((batch) => batch.status === "confirmed");
    expect(confirmed.length).toBe(1);
  }
}

for (const [at, moment] of MOMENTS.entries()) {
  describe(moment.name, () => {
    const [signal, code] = SIGNALS[at % SIGNALS.length] ?? SIGNALS[0];
    scene(`${signal} stops cleanly within a second with ${code}, and says what resume will do`, async (w) => {
      const { live } = await standAt(w, moment);
      const sent = performance.now();
      live.kill(signal);
      const ran = await live.ended;
      expect(performance.now() - sent).toBeLessThan(1_000);
      expect(ran.code).toBe(code);
      expect(ran.err).toMatch(moment.finishing && moment.host === "uploadgig" ? /unknown/i : /resume/);
      w.gig.heal();
      w.ulozto.heal();
      const before = bodies(w, moment.host);
      const resumed = await w.run(["resume", "--json"]);
      if (moment.finishing && moment.host === "uploadgig") {
        expect(bodies(w, moment.host)).toBe(before);
        return;
      }
      expect(resumed.code).toBe(0);
      expect(bodies(w, moment.host) - before).toBe(moment.stored ? 0 : 1);
      isThereOnce(w, moment);
    });

    scene(
      "kill -9, then the same `up` again: nothing is committed twice, no second body where the outcome is unknown",
      async (w) => {
        const { live, args } = await standAt(w, moment);
        live.kill("SIGKILL");
        await live.ended;
        w.gig.heal();
        w.ulozto.heal();
        const before = bodies(w, moment.host);
        const again = await w.run(args);
        if (moment.finishing && moment.host === "uploadgig") {
          expect(again.code).toBe(9);
          expect(again.result.error.code).toBe("outcome_unknown");
          expect(bodies(w, moment.host)).toBe(before);
          return;
        }
        expect(again.code).toBe(0);
        expect(bodies(w, moment.host) - before).toBe(moment.stored ? 0 : 1);
        isThereOnce(w, moment);
      },
    );

    scene("kill -9, then `resume`: the same, and a second `resume` has nothing to do", async (w) => {
      const { live } = await standAt(w, moment);
      live.kill("SIGKILL");
      await live.ended;
      w.gig.heal();
      w.ulozto.heal();
      const before = bodies(w, moment.host);
      const resumed = await w.run(["resume", "--json"]);
      if (moment.finishing && moment.host === "uploadgig") {
        expect(bodies(w, moment.host)).toBe(before);
        return;
      }
      expect(resumed.code).toBe(0);
      expect(bodies(w, moment.host) - before).toBe(moment.stored ? 0 : 1);
      isThereOnce(w, moment);
      const calls = w.gig.seen.length + w.ulozto.seen.length;
      expect((await w.run(["resume", "--json"])).code).toBe(0);
      expect(w.gig.seen.length + w.ulozto.seen.length).toBe(calls);
    });
  });
}

describe("signals", () => {
  scene("a second Ctrl-C ends at once", async (w) => {
    const { live } = await standAt(w, MOMENTS[1] as Moment);
    live.kill("SIGINT");
    live.kill("SIGINT");
    const sent = performance.now();
    expect((await live.ended).code).toBe(130);
    expect(performance.now() - sent).toBeLessThan(500);
  });

  scene("a signal while waiting between retries, for a cool-down or a captcha ends the wait", async (w) => {
    w.gig.fault("action", { body: { code: "-3", result: "wait" } }, 99);
    w.ulozto.requireCaptcha();
    const env = { HOIST_RETRY_BASE: "1s" };
    const path = w.file("a");
    const cooling = w.start(["up", path, "--to", "uploadgig"], { env });
    const asking = w.start(["up", path, "--to", "ulozto", "--wait-captcha", "1h"], { env });
    await cooling.until(() => w.gig.seen.length > 0);
    await asking.until((_, err) => err.includes("/captcha/"));
    await Bun.sleep(100);
    for (const live of [cooling, asking]) {
      const sent = performance.now();
      live.kill("SIGTERM");
      expect((await live.ended).code).toBe(143);
      expect(performance.now() - sent).toBeLessThan(1_000);
    }
  });

  scene("with --json the interrupted upload and the summary are still printed", async (w) => {
    const { live } = await standAt(w, MOMENTS[5] as Moment);
    live.kill("SIGINT");
    const ran = await live.ended;
    const lines = ran.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).toMatchObject({ type: "summary", exit: 130 });
    expect(lines.at(-2)).toMatchObject({ type: "result", ok: false, error: { code: "cancelled" } });
  });
});
