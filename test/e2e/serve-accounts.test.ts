import { describe, expect } from "bun:test";
import { join } from "node:path";
import { type Json, parseLines } from "./kit/lines.ts";
import { type Served, serve } from "./kit/server.ts";
import { scene } from "./kit/world.ts";
import { gate } from "./stand-in/fault.ts";

/** Lines of the log about something, once there are that many. */
async function logged({ live }: Served, event: string, count = 1): Promise<readonly Json[]> {
  const lines = () => parseLines(live.err()).filter((line) => line.event === event);
  await live.until(() => lines().length >= count);
  return lines();
}

describe("hoist serve and its accounts", () => {
  scene("a refused login is told in the log, in the list of accounts, and so is its end", async (w) => {
    const right = w.env.HOIST_UPLOADGIG_PASSWORD ?? "";
    w.gig.password = "changed";
    const s = await serve(w);
    const job = await s.add(w.file("a.bin", 10), ["uploadgig"]);
    const [refused] = await logged(s, "account.refused");
    expect(refused).toMatchObject({ level: "error", account: "uploadgig", reason: expect.any(String) });
    expect(refused?.reason).not.toBe("");
    const [postponed] = await logged(s, "upload.postponed");
    expect(postponed).toMatchObject({ level: "warn", code: "host_auth", job: job.id, account: "uploadgig" });
    const listed = await w.run(["account", "list"]);
    expect(listed.out).toMatch(/^uploadgig .*paused, login refused: /m);
    w.gig.password = right;
    expect((await w.run(["account", "resume", "uploadgig"])).code).toBe(0);
    await logged(s, "account.resumed");
    expect((await s.ended(job.id)).state).toBe("done");
    expect((await w.run(["account", "list", "--json"])).json).toContainEqual(
      expect.objectContaining({ name: "uploadgig", state: "idle", ready: true }),
    );
  });

  scene("a secret that SIGHUP loads is used after the old one was refused", async (w) => {
    const right = w.env.HOIST_UPLOADGIG_PASSWORD ?? "";
    delete w.env.HOIST_UPLOADGIG_PASSWORD;
    const secret = w.file("../secret", "changed");
    Bun.spawnSync(["chmod", "600", secret]);
    const s = await serve(w, `[accounts.uploadgig]\npassword = { file = "${secret}" }\n`);
    const job = await s.add(w.file("a.bin", 10), ["uploadgig"]);
    await logged(s, "account.refused");
    await Bun.write(secret, right);
    s.live.kill("SIGHUP");
    await logged(s, "reloaded");
    expect((await s.call("POST", "/v1/accounts/uploadgig/resume")).status).toBe(200);
    expect((await s.ended(job.id)).state).toBe("done");
  });

  scene("SIGHUP costs no login where nothing about the account has changed", async (w) => {
    const s = await serve(w);
    const send = async (name: string) => s.ended((await s.add(w.file(name, 10), ["ulozto"])).id);
    for (const [count, name] of ["a.bin", "b.bin", "c.bin"].entries()) {
      expect((await send(name)).state).toBe("done");
      s.live.kill("SIGHUP");
      await logged(s, "reloaded", count + 1);
    }
    expect(w.ulozto.of("login-token").length).toBe(1);
  });

  scene("a check that succeeds ends the pause of a refused login, but not a person's", async (w) => {
    const { token } = w.ulozto.state;
    w.ulozto.state.token = "changed";
    const s = await serve(w);
    const job = await s.add(w.file("a.bin", 10), ["ulozto"]);
    await logged(s, "account.refused");
    expect((await w.run(["account", "check", "ulozto"])).code).toBe(6);
    expect((await w.run(["account", "pause", "ulozto"])).code).toBe(0);
    expect((await w.run(["account", "check", "ulozto"])).code).toBe(11);
    expect((await s.call("POST", "/v1/accounts/ulozto/resume")).status).toBe(200);
    await logged(s, "account.refused", 2);
    w.ulozto.state.token = token;
    expect((await w.run(["account", "check", "ulozto"])).code).toBe(0);
    expect((await s.ended(job.id)).state).toBe("done");
  });

  scene("jobs of an account that the configuration lost wait for it, and go on when it is back", async (w) => {
    const account = `[accounts.uploadgig]\nurl = "${w.gig.url}"\nuser = "${w.gig.user}"\n`;
    delete w.env.HOIST_UPLOADGIG_URL;
    delete w.env.HOIST_UPLOADGIG_USER;
    let s = await serve(w, account);
    const file = join(w.dir, "hoist.toml");
    const withAccount = await Bun.file(file).text();
    const reload = async (text: string, count: number) => {
      await Bun.write(file, text);
      s.live.kill("SIGHUP");
      await logged(s, "reloaded", count);
    };
    const waiting = async () => ((await (await s.call("GET", "/v1/jobs?state=waiting")).json()) as Json).jobs;
    expect((await s.call("POST", "/v1/accounts/uploadgig/pause")).status).toBe(200);
    const { id } = await s.add(w.file("a.bin", 10), ["uploadgig"]);
    await reload(withAccount.replace(account, ""), 1);
    const lost = {
      id,
      state: "waiting",
      waitingFor: "account",
      uploads: [{ state: "waiting", waitingFor: "account" }],
    };
    expect(await s.job(id)).toMatchObject(lost);
    await s.live.until((_, err) => err.includes("queued jobs wait for the account uploadgig"));
    expect(await waiting()).toMatchObject([lost]);
    expect(await (await s.call("GET", "/metrics")).text()).toContain('hoist_jobs{state="waiting"} 1\n');
    s.live.kill("SIGTERM");
    await s.live.ended;
    const named = { HOIST_UPLOADGIG_URL: w.gig.url, HOIST_UPLOADGIG_USER: w.gig.user };
    expect((await w.run(["account", "resume", "uploadgig"], { env: named })).code).toBe(0);

    s = await serve(w);
    await s.live.until((_, err) => err.includes("queued jobs wait for the account uploadgig"));
    expect(await waiting()).toMatchObject([lost]);
    expect((await (await s.call("GET", "/v1/jobs?state=queued")).json()) as Json).toMatchObject({ jobs: [] });
    await reload(withAccount, 1);
    expect((await s.ended(id)).state).toBe("done");
  });

  scene("jobs of an account whose login is corrected go to it, at a reload and at a start", async (w) => {
    const account = (user: string) => `[accounts.disk]\nhost = "uploadgig"\nurl = "${w.gig.url}"\nuser = "${user}"\n`;
    w.env.HOIST_DISK_PASSWORD = w.env.HOIST_UPLOADGIG_PASSWORD ?? "";
    let s = await serve(w, account("typo@example.com"));
    const correct = async (from: string, to: string) => {
      const file = join(w.dir, "hoist.toml");
      await Bun.write(file, (await Bun.file(file).text()).replace(account(from), account(to)));
    };
    const reload = async (from: string, to: string, count: number) => {
      await correct(from, to);
      s.live.kill("SIGHUP");
      await logged(s, "reloaded", count);
    };
    const first = await s.add(w.file("a.bin", 10), ["disk"]);
    const later = await s.add(w.file("b.bin", 10), ["disk"], { notBefore: "2999-01-01T00:00:00Z" });
    await logged(s, "upload.postponed");
    await reload("typo@example.com", w.gig.user, 1);
    expect(await s.ended(first.id)).toMatchObject({ state: "done", uploads: [{ account: "disk", error: null }] });
    expect((await logged(s, "note"))[0]?.msg).toBe(
      "2 queued uploads go to the account disk with the login and address that it has now",
    );
    expect(await s.job(later.id)).toMatchObject({ state: "waiting", waitingFor: "notBefore" });

    await reload(w.gig.user, "typo@example.com", 2);
    const second = await s.add(w.file("c.bin", 10), ["disk"]);
    expect(await s.job(second.id)).toMatchObject({ uploads: [{ account: "disk" }] });
    s.live.kill("SIGTERM");
    await s.live.ended;
    s = await serve(w, account(w.gig.user));
    expect((await s.ended(second.id)).state).toBe("done");
  });

  scene("what was sent stays with the login it began with, and says so", async (w) => {
    const account = (user: string) => `[accounts.disk]\nhost = "uploadgig"\nurl = "${w.gig.url}"\nuser = "${user}"\n`;
    w.env.HOIST_DISK_PASSWORD = w.env.HOIST_UPLOADGIG_PASSWORD ?? "";
    // With it that account would be one of the login that the upload began with.
    delete w.env.HOIST_UPLOADGIG_USER;
    const hold = gate();
    w.gig.fault("body", { gate: hold, gateAt: 10 });
    let s = await serve(w, account(w.gig.user), ["--grace", "0s"]);
    const { id } = await s.add(w.file("a.bin", 30_000_000), ["disk"]);
    await hold.reached;
    s.live.kill("SIGTERM");
    await s.live.ended;
    hold.open();

    s = await serve(w, account("other@example.com"));
    await s.live.until((_, err) => err.includes("queued jobs wait for the account disk as it was"));
    const changed = "the login, address or host of the account disk has changed since";
    expect(await s.job(id)).toMatchObject({
      state: "waiting",
      waitingFor: "account",
      uploads: [{ error: { code: "config", message: changed } }],
    });
    const refused = await s.call("POST", `/v1/jobs/${id}/retry`);
    expect([refused.status, ((await refused.json()) as Json).detail]).toEqual([409, changed]);
    expect((await s.call("POST", `/v1/jobs/${id}/cancel`)).status).toBe(200);
    s.live.kill("SIGTERM");
    await s.live.ended;
  });

  scene("a pause from a shell is seen by those who watch the server", async (w) => {
    const s = await serve(w);
    const stream = await s.call("GET", "/v1/events");
    let seen = "";
    const reading = (async () => {
      const decoder = new TextDecoder();
      for await (const chunk of stream.body ?? []) seen += decoder.decode(chunk, { stream: true });
    })().catch(() => {});
    const shows = async (state: string) => {
      for (const until = Date.now() + 10_000; Date.now() < until; await Bun.sleep(10)) {
        if (seen.includes(`"state":"${state}"`)) return true;
      }
      return false;
    };
    expect((await w.run(["account", "pause", "ulozto"])).code).toBe(0);
    expect(await shows("paused")).toBe(true);
    expect(seen).toContain("event: account.state\n");
    expect((await logged(s, "account.paused"))[0]).toMatchObject({ account: "ulozto", reason: "by hand" });
    expect((await w.run(["account", "resume", "ulozto"])).code).toBe(0);
    expect(await shows("idle")).toBe(true);
    s.live.kill("SIGTERM");
    await Promise.all([s.live.ended, reading]);
  });

  scene("what a stop cuts short has not failed, and goes on at the next start", async (w) => {
    const hold = gate();
    w.gig.fault("body", { gate: hold, gateAt: 10 });
    const s = await serve(w, "", ["--grace", "0s"]);
    const job = await s.add(w.file("a.bin", 30_000_000), ["uploadgig"]);
    await hold.reached;
    s.live.kill("SIGTERM");
    expect((await s.live.ended).code).toBe(143);
    const events = parseLines(s.live.err()).map(({ event }) => event);
    expect(events).toContain("upload.stopped");
    expect(events).not.toContain("upload.failed");
    hold.open();
    const next = await serve(w);
    expect((await next.ended(job.id)).state).toBe("done");
  });
});
