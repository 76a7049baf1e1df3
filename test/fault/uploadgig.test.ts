import { describe, expect } from "bun:test";
import { type Outcome, scene, type World } from "../e2e/kit/world.ts";

const up = (w: World, size: number, ...args: string[]): Promise<Outcome> =>
  w.run(["up", w.file("a.bin", size), "--to", "uploadgig", "--json", ...args]);

/** Larger than what socket buffers can hide, which Linux lets grow to 36 MB. */
const LARGE = 48_000_000;
const html = "<html><body>Bad gateway</body></html>";

const failsWith = (ran: Outcome, code: string, exit: number) => {
  expect(ran.result).toMatchObject({ ok: false, error: { code, exit } });
  expect(ran.summary).toMatchObject({ ok: 0, failed: 1, exit, codes: { [code]: 1 } });
  expect(ran.code).toBe(exit);
};

describe("UploadGig, the action", () => {
  scene("code 0 is not tried again and ends with 6, in the host's words", async (w) => {
    w.gig.password = "changed";
    const ran = await up(w, 10);
    failsWith(ran, "host_auth", 6);
    expect(ran.result.error).toMatchObject({ hostMessage: "Email or password was incorrect!", retryable: false });
    expect(w.gig.seen.length).toBe(1);
    expect(ran.err).toContain("Email or password was incorrect!");
  });

  const limit = { code: "-3", result: "According to security reasons, you can't login a few minutes." };
  for (const [what, fault] of [
    ["code −3", { body: limit }],
    ["429", { status: 429, body: html }],
    ["a Retry-After above 60 s", { status: 503, body: html, headers: { "Retry-After": "600" } }],
  ] as const) {
    scene(
      `${what} cools the account down: 5 at once with --wait-cooldown 0, also in the next run, without a call`,
      async (w) => {
        w.gig.fault("action", fault);
        const ran = await up(w, 10, "--wait-cooldown", "0");
        expect(ran.code).toBe(5);
        expect(ran.result.error.retryable).toBe(true);
        const again = await up(w, 10, "--wait-cooldown", "0");
        expect(again.code).toBe(5);
        expect(w.gig.seen.length).toBe(1);
      },
    );
  }

  scene("a cool-down is waited for within --wait-cooldown, then the upload goes on", async (w) => {
    w.gig.fault("action", { body: limit });
    const ran = await up(w, 10);
    expect(ran.code).toBe(0);
    // 300 × the base of 10 ms.
    expect(ran.ms).toBeGreaterThan(2_500);
    expect(w.gig.of("action").length).toBe(2);
  });

  for (const [what, fault] of [
    ["500", { status: 500, body: html }],
    ["HTML with 200", { status: 200, body: html }],
    ["a reset", { breakAt: "end", breakWith: "rst" }],
    ["a lost answer", { breakAt: "answer" }],
    ["a truncated answer", { cutAnswerAt: 9 }],
    ["renamed fields", { body: { status: "ok" } }],
  ] as const) {
    scene(`${what} is tried three times at most and ends with 5`, async (w) => {
      w.gig.fault("action", fault, 9);
      const ran = await up(w, 10);
      expect(ran.code).toBe(5);
      expect(ran.result.error.retryable).toBe(true);
      expect(w.gig.of("action").length).toBe(3);
      expect(w.gig.of("body")).toEqual([]);
    });
    scene(`${what} once is mended by the second attempt`, async (w) => {
      w.gig.fault("action", fault);
      expect((await up(w, 10)).code).toBe(0);
      expect(w.gig.files.length).toBe(1);
    });
  }

  scene("a cool-down longer than --wait-cooldown ends with 5 at once", async (w) => {
    w.gig.fault("action", { body: limit });
    const ran = await up(w, 10, "--wait-cooldown", "1s");
    expect(ran.code).toBe(5);
    expect(ran.ms).toBeLessThan(2_500);
  });

  scene("the Retry-After of a 429 is the length of the cool-down", async (w) => {
    w.gig.fault("action", { status: 429, body: html, headers: { "Retry-After": "1" } });
    const ran = await up(w, 10);
    expect(ran.code).toBe(0);
    const [first = 0, second = 0] = w.gig.of("action").map((one) => one.at);
    expect(second - first).toBeGreaterThan(980);
    expect(second - first).toBeLessThan(2_900);
  });

  scene("its retries stand 10 × base apart, one file's from the next's not", async (w) => {
    w.gig.fault("action", { status: 500, body: html }, 2);
    expect((await up(w, 10)).code).toBe(0);
    const [first = 0, second = 0, third = 0] = w.gig.of("action").map((one) => one.at);
    expect(second - first).toBeGreaterThan(95);
    expect(third - second).toBeGreaterThan(95);
  });

  scene("an answer of many megabytes is cut off, not kept", async (w) => {
    w.gig.fault("action", { status: 200, body: JSON.stringify({ code: "x".repeat(60_000_000) }) }, 9);
    const ran = await up(w, 10, "--retries", "0");
    expect(ran.code).toBe(5);
    expect(ran.peakMiB).toBeLessThan(100);
  });

  scene("--retries 0 asks once", async (w) => {
    w.gig.fault("action", { status: 500, body: html }, 9);
    expect((await up(w, 10, "--retries", "0")).code).toBe(5);
    expect(w.gig.of("action").length).toBe(1);
  });

  scene("a host that refuses the connection ends with 5", async (w) => {
    w.env.HOIST_UPLOADGIG_URL = "http://127.0.0.1:1";
    failsWith(await up(w, 10), "network", 5);
  });

  scene("a redirect within the site is followed by hand, method and body kept", async (w) => {
    for (const status of [301, 302, 307]) {
      w.gig.fault("action", { status, headers: { Location: `/api/get_upload_action?hop=${status}` } });
    }
    expect((await up(w, 10)).code).toBe(0);
    const calls = w.gig.of("action");
    expect(calls.map((one) => one.head.method)).toEqual(["POST", "POST", "POST", "POST"]);
    expect(new Set(calls.map((one) => one.text)).size).toBe(1);
  });

  scene("a fourth redirect is too many", async (w) => {
    w.gig.fault("action", { status: 307, headers: { Location: "/api/get_upload_action?again" } }, 50);
    expect((await up(w, 10, "--retries", "0")).code).toBe(5);
    expect(w.gig.of("action").length).toBe(4);
  });

  scene("a redirect to another origin is not followed: nobody else gets the password", async (w) => {
    w.gig.fault("action", { status: 307, headers: { Location: `${w.ulozto.url}/api/get_upload_action` } }, 9);
    expect((await up(w, 10)).code).toBe(5);
    expect(w.ulozto.seen).toEqual([]);
  });

  scene("a file larger than cmbs is 7, and no byte is sent", async (w) => {
    w.gig.cmbs = "1";
    const ran = await up(w, 1_048_577);
    expect(ran.code).toBe(7);
    expect(ran.result.error.code).toMatch(/^host_(quota|rejected)$/);
    expect(ran.err).toContain("a.bin");
    expect(w.gig.of("body")).toEqual([]);
    expect(w.gig.of("action").length).toBe(1);
  });

  for (const action of ["javascript:alert(1)", "ftp://127.0.0.1/x", "not a url", "/upload?identity=x"]) {
    scene(`an action of ${JSON.stringify(action)} is no answer of the host`, async (w) => {
      w.gig.fault("action", { body: { code: "1", result: { action, cmbs: 1 } } }, 9);
      expect((await up(w, 10)).code).toBe(5);
      expect(w.gig.of("body")).toEqual([]);
    });
  }
});

describe("UploadGig, the body", () => {
  scene("`Invalid identity provided` takes a new action and sends again, twice at most", async (w) => {
    w.gig.fault("body", { body: { 0: { message: "Invalid identity provided", ok: false } } }, 2);
    const ran = await up(w, 1000);
    expect(ran.code).toBe(0);
    expect(w.gig.of("action").length).toBe(3);
  });

  scene("`Invalid identity provided` for the third time ends with 5", async (w) => {
    w.gig.fault("body", { body: { 0: { message: "Invalid identity provided", ok: false } } }, 9);
    const ran = await up(w, 1000);
    expect(ran.code).toBe(5);
    expect(w.gig.of("body").length).toBe(3);
  });

  for (const [what, breakAt] of [
    ["at its head", "head"],
    ["at its first byte", 1],
    ["at byte 5,000,003", 5_000_003],
  ] as const) {
    scene(`broken ${what}, long before its last byte, is sent again from 0 with a new action`, async (w) => {
      w.gig.fault("body", { breakAt });
      const ran = await up(w, LARGE);
      expect(ran.code).toBe(0);
      expect(ran.result).toMatchObject({ ok: true, size: LARGE, attempts: 2 });
      expect(w.gig.of("action").length).toBe(2);
      expect(w.gig.files.length).toBe(1);
      expect(w.gig.files[0]?.md5).toBe(w.gig.of("body").at(-1)?.md5 ?? "?");
    });
  }

  scene("broken each time, it ends with 5 after --retries", async (w) => {
    w.gig.fault("body", { breakAt: 1_000_000 }, 99);
    const ran = await up(w, LARGE, "--retries", "2");
    failsWith(ran, "network", 5);
    expect(w.gig.of("body").length).toBe(3);
  });

  for (const [what, fault] of [
    ["broken after the last byte", { breakAt: "end" }],
    ["an answer lost by RST", { breakAt: "answer" }],
    ["an answer lost by FIN", { breakAt: "answer", breakWith: "fin" }],
    ["a truncated answer", { cutAnswerAt: 20 }],
    ["502 after the body", { status: 502, body: html, effect: true }],
    ["HTML after the body", { status: 200, body: html, effect: true }],
    ["an empty answer", { status: 200, body: "", effect: true }],
    ["an answer without ok", { change: (a: { 0: object }) => ({ 0: { ...a[0], ok: undefined } }) }],
    ["an ok without url", { change: (a: { 0: object }) => ({ 0: { ...a[0], url: undefined } }) }],
  ] as const) {
    scene(`${what} is an unknown outcome: 9, and no second body`, async (w) => {
      w.gig.fault("body", fault);
      const ran = await up(w, 5000);
      failsWith(ran, "outcome_unknown", 9);
      expect(ran.result.error.retryable).toBe(false);
      expect(w.gig.of("body").length).toBe(1);
      expect(w.gig.of("action").length).toBe(1);
    });
  }

  scene("--retry-unknown repeats an unknown outcome", async (w) => {
    w.gig.fault("body", { breakAt: "answer" });
    const ran = await up(w, 5000, "--retry-unknown");
    expect(ran.code).toBe(0);
    expect(w.gig.files.length).toBe(2);
  });

  scene("an early 413 is the host's answer: 7, not a network error", async (w) => {
    w.gig.fault("body", { status: 413, body: "<html>Request Entity Too Large</html>", early: "close" });
    const ran = await up(w, LARGE);
    expect(ran.code).toBe(7);
    expect(w.gig.of("body").length).toBe(1);
  });

  scene("an early ok:false is reported in the host's words", async (w) => {
    w.gig.fault("body", { body: { 0: { ok: false, message: "This kind of file is banned" } }, early: "drain" });
    const ran = await up(w, LARGE);
    expect(ran.code).toBe(7);
    expect(ran.result.error.hostMessage).toBe("This kind of file is banned");
    expect(w.gig.of("body").length).toBe(1);
  });

  scene("ok:false with another message is not tried again: 7, in the host's words", async (w) => {
    w.gig.fault("body", { body: { 0: { ok: false, message: "No more space" } } });
    const ran = await up(w, 5000);
    expect(ran.code).toBe(7);
    expect(ran.result.error).toMatchObject({ hostMessage: "No more space", retryable: false });
    expect(w.gig.of("body").length).toBe(1);
  });

  scene("a size other than what was sent is 8, its link in error.url and never a success", async (w) => {
    w.gig.fault("body", { change: (answer) => ({ 0: { ...answer[0], size: 4999 } }) });
    const ran = await up(w, 5000);
    failsWith(ran, "integrity", 8);
    expect(ran.result.error.url).toBe(w.gig.files[0]?.url);
    expect(ran.result.url).toBeUndefined();
    expect(w.gig.of("body").length).toBe(1);
  });

  scene("a body that the host stops taking ends after --idle-timeout and is sent again", async (w) => {
    w.gig.fault("body", { stallAt: 1_000_000 });
    const ran = await up(w, LARGE, "--idle-timeout", "1s");
    expect(ran.code).toBe(0);
    expect(w.gig.of("body").length).toBe(2);
  });

  scene("an answer that does not come within --answer-timeout is unknown: 9", async (w) => {
    w.gig.fault("body", { delayMs: 60_000 });
    const ran = await up(w, 5000, "--answer-timeout", "300ms");
    expect(ran.code).toBe(9);
    expect(ran.ms).toBeLessThan(5_000);
  });

  scene("text of the host never reaches the terminal or the log with raw control characters", async (w) => {
    w.gig.fault("body", { body: { 0: { ok: false, message: "bad\u001b]0;x\u0007\r\nINFO fake\u202e" } } }, 2);
    const ran = await w.run(["up", w.file("a"), "--to", "uploadgig", "-v"]);
    expect(ran.code).toBe(7);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(ran.err).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    const json = await up(w, 10);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(json.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(json.result.error.hostMessage).toBe("bad\u001b]0;x\u0007\r\nINFO fake\u202e");
  });
});
