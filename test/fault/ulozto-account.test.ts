import { describe, expect } from "bun:test";
import { type Outcome, scene, type World } from "../e2e/kit/world.ts";

const up = (w: World, size: number, ...args: string[]): Promise<Outcome> =>
  w.run(["up", w.file("a.bin", size), "--to", "ulozto:/F", "--json", "--resumable", "never", ...args]);

const html = "<html><body>Bad gateway</body></html>";
const refusal = (error: number, code: number, message: string) => ({ status: code, body: { error, code, message } });

const failsWith = (ran: Outcome, code: string, exit: number) => {
  expect(ran.result).toMatchObject({ ok: false, error: { code, exit } });
  expect(ran.summary).toMatchObject({ ok: 0, failed: 1, exit });
  expect(ran.code).toBe(exit);
};
/** Succeeded, with exactly this file visible and every batch confirmed at most once. */
const holdsOnce = (w: World, ran: Outcome, size: number) => {
  expect(ran.code).toBe(0);
  expect(ran.result).toMatchObject({ ok: true, verified: "md5", size });
  expect(w.ulozto.files).toMatchObject([{ name: "a.bin", size }]);
  expect([...w.ulozto.state.batches.values()].filter((one) => one.status === "confirmed").length).toBe(1);
};

describe("Ulož.to, the login", () => {
  scene("a refused token is tried both ways, not again, and ends with 6", async (w) => {
    w.ulozto.state.token = "another";
    const ran = await up(w, 10);
    failsWith(ran, "host_auth", 6);
    expect(w.ulozto.seen.map((one) => one.step)).toEqual(["login-token", "login-password"]);
  });

  for (const status of [400, 401, 403]) {
    scene(`${status} for a password ends with 6 at once`, async (w) => {
      delete w.env.HOIST_ULOZTO_TOKEN;
      w.env.HOIST_ULOZTO_PASSWORD = "wrong";
      w.ulozto.fault("login-password", refusal(70002, status, "Bad credentials"), 9);
      const ran = await up(w, 10);
      failsWith(ran, "host_auth", 6);
      expect(ran.result.error.hostMessage).toBe("Bad credentials");
      expect(w.ulozto.seen.length).toBe(1);
    });
  }

  for (const step of ["login-token", "link"] as const) {
    for (const [what, fault] of [
      ["503", { status: 503, body: html }],
      ["a reset", { breakAt: "end" }],
      ["HTML with 200", { status: 200, body: html }],
      ["a truncated answer", { cutAnswerAt: 10 }],
      ["renamed fields", { status: 200, body: { done: true } }],
    ] as const) {
      scene(`${step}: ${what} once is mended by another attempt`, async (w) => {
        w.ulozto.fault(step, fault);
        holdsOnce(w, await up(w, 10), 10);
      });
    }
    scene(`${step}: 503 for ever ends with 5`, async (w) => {
      w.ulozto.fault(step, { status: 503, body: html }, 99);
      const ran = await up(w, 10, "--retries", "2");
      failsWith(ran, "host_unavailable", 5);
      expect(w.ulozto.of(step).length).toBe(3);
    });
  }

  scene("a Retry-After up to 60 s replaces the drawn wait", async (w) => {
    w.ulozto.fault("link", { status: 503, body: html, headers: { "Retry-After": "1" } });
    const ran = await up(w, 10);
    holdsOnce(w, ran, 10);
    expect(ran.ms).toBeGreaterThan(950);
  });

  scene(
    "a Retry-After above 60 s cools the account down: 5 at once, also in the next run, without a call",
    async (w) => {
      w.ulozto.fault("link", { status: 429, body: html, headers: { "Retry-After": "120" } });
      expect((await up(w, 10, "--wait-cooldown", "0")).code).toBe(5);
      const calls = w.ulozto.seen.length;
      expect((await up(w, 10, "--wait-cooldown", "0")).code).toBe(5);
      expect(w.ulozto.seen.length).toBe(calls);
    },
  );

  scene("a redirect to another origin is not followed: nobody else gets the session", async (w) => {
    for (const step of ["login-token", "link"] as const) {
      w.ulozto.fault(step, { status: 307, headers: { Location: `${w.gig.url}/v5/upload/link` } });
    }
    await up(w, 10);
    expect(w.gig.seen).toEqual([]);
  });

  scene("70001 leads to one login, shared by all tasks, then the call once more", async (w) => {
    const files = Array.from({ length: 4 }, (_, n) => w.file(`f${n}`, 17_000_000));
    w.ulozto.fault("commit", { delayMs: 200 }, 4);
    const live = w.start(["up", ...files, "--to", "ulozto", "-j", "4", "--json"]);
    await live.until(() => w.ulozto.of("upload").length === 4);
    w.ulozto.expireSessions();
    const ran = await live.ended;
    expect(ran.code).toBe(0);
    expect(w.ulozto.files.length).toBe(4);
    expect(w.ulozto.of("login-token").length).toBe(2);
    expect(w.ulozto.of("upload").length).toBe(4);
  });

  scene("70001 again after the new login is host_auth", async (w) => {
    w.ulozto.fault("link", refusal(70001, 401, "Session expired"), 9);
    failsWith(await up(w, 10), "host_auth", 6);
    expect(w.ulozto.of("login-token").length).toBe(2);
    expect(w.ulozto.of("link").length).toBe(2);
  });

  scene("a session is not used beyond its token_validity_interval", async (w) => {
    w.ulozto.state.sessionSeconds = 1;
    w.ulozto.fault("upload", { delayMs: 1300 });
    holdsOnce(w, await up(w, 10), 10);
  });
});

describe("Ulož.to, the captcha", () => {
  scene("without anyone to solve it: 10 at once, the page shown", async (w) => {
    w.ulozto.requireCaptcha();
    const ran = await up(w, 10);
    failsWith(ran, "captcha", 10);
    const page = `${w.ulozto.uploadOrigin}/captcha/${w.ulozto.state.captcha?.token}`;
    expect(ran.json.filter((line) => line.type === "captcha")).toEqual([
      { v: 1, type: "captcha", account: "ulozto", url: page },
    ]);
    expect(ran.err).toContain(page);
  });

  scene("solved within --wait-captcha, the upload goes on by itself; one link request at a time", async (w) => {
    w.ulozto.requireCaptcha();
    const files = Array.from({ length: 3 }, (_, n) => w.file(`f${n}`, 17_000_000));
    const live = w.start(["up", ...files, "--to", "ulozto", "--wait-captcha", "20s", "--json"]);
    await live.until((out) => out.includes('"captcha"'));
    await live.until(() => w.ulozto.of("link").length >= 4);
    w.ulozto.solveCaptcha();
    expect((await live.ended).code).toBe(0);
    expect(w.ulozto.files.length).toBe(3);
    const [first, ...polls] = w.ulozto.of("link").filter((one) => one.status === 401);
    expect(JSON.parse(first?.text ?? "{}").captcha_token).toBeUndefined();
    for (const poll of polls) {
      expect(JSON.parse(poll.text).captcha_token).toBe(w.ulozto.state.captcha?.token);
      // Polls stand 5 × base apart.
      expect(poll.at - (first?.at ?? 0)).toBeGreaterThan(30);
    }
  });

  scene("another token in the answer shows the new page", async (w) => {
    w.ulozto.requireCaptcha();
    const live = w.start(["up", w.file("a"), "--to", "ulozto", "--wait-captcha", "20s", "--json"]);
    await live.until((out) => out.includes('"captcha"'));
    w.ulozto.requireCaptcha();
    const token = w.ulozto.state.captcha?.token ?? "?";
    await live.until((out) => out.includes(token));
    w.ulozto.solveCaptcha();
    expect((await live.ended).code).toBe(0);
  });

  scene("the page is for people: never logged, also with -v", async (w) => {
    w.ulozto.requireCaptcha();
    const ran = await w.run(["up", w.file("a"), "--to", "ulozto", "-v", "--log-format", "json"]);
    expect(ran.code).toBe(10);
    const token = w.ulozto.state.captcha?.token ?? "?";
    const logged = ran.err.split("\n").filter((line) => line.startsWith("{") && line.includes(token));
    expect(logged).toEqual([]);
  });
});

describe("Ulož.to, the upload link", () => {
  scene("expired by its validity_interval is renewed with the batch's private_slug before the body", async (w) => {
    w.ulozto.state.linkSeconds = 1;
    w.ulozto.fault("list-folders", { delayMs: 1500 }, 1);
    holdsOnce(w, await up(w, 10), 10);
    expect(w.ulozto.of("upload").filter((one) => one.status !== 200)).toEqual([]);
  });

  for (const status of [401, 403, 404, 410]) {
    scene(`refused with ${status} is renewed once, for the same batch`, async (w) => {
      w.ulozto.fault("upload", { status, body: { return_code: status, message: "Link is over" } });
      holdsOnce(w, await up(w, 10), 10);
      const links = w.ulozto.of("link").map((one) => JSON.parse(one.text).private_slug);
      expect(links).toEqual([undefined, w.ulozto.files[0]?.batch]);
    });
    scene(`refused with ${status} again is 7, in the host's words`, async (w) => {
      w.ulozto.fault("upload", { status, body: { return_code: status, message: "Link is over" } }, 9);
      const ran = await up(w, 10);
      expect(ran.code).toBe(7);
      expect(ran.result.error.hostMessage).toBe("Link is over");
      expect(w.ulozto.of("upload").length).toBe(2);
    });
  }

  for (const url of [
    "ftp://x/",
    "javascript:alert(1)",
    "http://192.0.2.1/upload?x=1",
    "https://203.0.113.9.evil.example/x?y",
  ]) {
    scene(`an upload_url of ${url} gets no byte of the file`, async (w) => {
      w.ulozto.fault("link", { change: (answer) => ({ ...answer, upload_url: url }) }, 99);
      const ran = await up(w, 10, "--retries", "0", "--idle-timeout", "1s");
      expect([5, 7]).toContain(ran.code);
      expect(w.ulozto.of("upload")).toEqual([]);
    });
  }
});
