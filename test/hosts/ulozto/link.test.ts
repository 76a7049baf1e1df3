import { describe, expect, test } from "bun:test";
import { AppError } from "../../../src/errors.ts";
import { bodyUrl } from "../../../src/hosts/ulozto/link.ts";
import { gate } from "../../e2e/stand-in/fault.ts";
import { type Harness, harness } from "./harness.ts";

const asked = (h: Harness) => h.host.of("link").map((one) => JSON.parse(one.text));

describe("the upload link", () => {
  test("has the file's fields added to its query, or gets one", () => {
    const link = (url: string) => bodyUrl({ url, batch: "b", expiresAt: 0 }, 3);
    expect(link("https://u.example/up?a=1")).toBe("https://u.example/up?a=1&batch_file_id=3&is_porn=false");
    expect(link("https://u.example/up")).toBe("https://u.example/up?batch_file_id=3&is_porn=false");
    expect(link("https://u.example/up?a=1#x")).toBe("https://u.example/up?a=1&batch_file_id=3&is_porn=false");
  });

  test("that has expired on the monotonic clock is renewed for its batch before the body", async () => {
    let now = 0;
    await using h = await harness({ env: { now: () => now } });
    h.host.fault("link", {
      change: (answer) => {
        now += 2_000_000;
        return { ...answer, validity_interval: 1000 };
      },
    });
    const { error } = await h.upload("a", 10);
    expect(error).toBeNull();
    expect(asked(h).map((body) => body.private_slug)).toEqual([undefined, h.host.files[0]?.batch]);
    expect(h.host.of("upload").length).toBe(1);
  });

  for (const status of [401, 403, 404, 410]) {
    test(`that answers ${status} is renewed once, then it is host_rejected in the host's words`, async () => {
      await using h = await harness();
      const over = { status, body: { return_code: status, message: "Link is over" } };
      h.host.fault("upload", over);
      expect((await h.upload("a", 5000)).error).toBeNull();
      expect(asked(h).map((body) => body.private_slug)).toEqual([undefined, h.host.files[0]?.batch]);
      h.host.fault("upload", over, 9);
      const { error, attempts } = await h.upload("b", 5000);
      expect(error).toMatchObject({ code: "host_rejected", hostMessage: "Link is over" });
      expect(attempts).toBe(1);
      expect(h.host.of("upload").length).toBe(4);
      expect(h.host.violations).toEqual([]);
    });
  }

  test("shared by several bodies is renewed once for all of them", async () => {
    await using h = await harness();
    const over = { status: 403, body: { return_code: 403, message: "Link is over" } };
    h.host.fault("upload", over, 3);
    const all = await Promise.all([1, 2, 3].map((n) => h.upload(`f${n}`, 100, { more: true })));
    expect(all.map(({ error }) => error)).toEqual([null, null, null]);
    expect(asked(h).length).toBe(2);
    expect(h.host.state.batches.size).toBe(1);
    expect(h.host.violations).toEqual([]);
  });

  test("renewed for another batch is not used", async () => {
    await using h = await harness();
    h.host.fault("upload", { status: 403, body: "" });
    h.host.fault("link", {});
    h.host.fault("link", { change: (answer) => ({ ...answer, private_slug: "other" }) });
    const { failures, error } = await h.upload("a", 10);
    expect(failures).toMatchObject([{ code: "host_protocol" }]);
    expect(error).toBeNull();
  });

  for (const url of [
    "http://192.0.2.1/up?x=1",
    "https://127.0.0.1/up?x=1",
    "https://10.1.2.3/up?x=1",
    "ftp://u.example/",
    "https://user:pw@u.example/up?x",
    "javascript:alert(1)",
  ]) {
    test(`to ${url} gets no byte unless the account itself is on loopback`, async () => {
      await using h = await harness({ loopback: false });
      h.host.fault("link", { change: (answer) => ({ ...answer, upload_url: url }) });
      const { error } = await h.upload("a", 10, { retries: 0 });
      expect(error).toMatchObject({ code: "host_protocol" });
      expect(error?.message).not.toContain("x=1");
      expect(h.host.seen.map((one) => one.step)).toEqual(["login-token", "list-files", "link"]);
    });
  }
});

describe("the captcha", () => {
  test("one link request at a time: all wait before the same page, and solving it lets everyone through", async () => {
    await using h = await harness();
    h.host.requireCaptcha();
    let waiting = 0;
    const all = await Promise.all(
      [1, 2, 3, 4].map((n) => {
        let polls = 0;
        const person = async () => {
          polls += 1;
          if (polls === 1) waiting += 1;
          if (polls === 3) h.host.solveCaptcha();
        };
        return h.upload(`f${n}`, 100, { person, more: false });
      }),
    );
    expect(all.map(({ error, attempts }) => [error, attempts])).toEqual(Array(4).fill([null, 1]));
    expect(waiting).toBe(4);
    expect(new Set(all.flatMap(({ pages }) => pages))).toEqual(
      new Set([`${h.host.uploadOrigin}/captcha/${h.host.state.captcha?.token}`]),
    );
    const [first, ...others] = asked(h);
    expect(first.captcha_token).toBeUndefined();
    expect(new Set(others.map((body) => body.captcha_token))).toEqual(new Set([h.host.state.captcha?.token]));
    // Three refusals while it was open, then one link for each file.
    expect(h.host.of("link").map((one) => one.status)).toEqual([401, 401, 401, 200, 200, 200, 200]);
    expect(h.host.of("captcha").length).toBe(1);
  });

  test("goes on at once with the one who was let through, however long the others would have waited", async () => {
    await using h = await harness();
    h.host.requireCaptcha();
    const leader = h.upload("a", 10, { more: false, person: () => solved.promise });
    const solved = Promise.withResolvers<void>();
    const waiting = Promise.withResolvers<void>();
    const gone = new AbortController();
    const follower = h.upload("b", 10, {
      more: false,
      person: () => {
        waiting.resolve();
        return new Promise((_, reject) => gone.signal.addEventListener("abort", () => reject(new Error("too late"))));
      },
    });
    await waiting.promise;
    h.host.solveCaptcha();
    solved.resolve();
    expect((await leader).error).toBeNull();
    expect((await follower).error).toBeNull();
    gone.abort();
  });

  test("a new page is shown to those who wait, too; who gives up goes alone", async () => {
    await using h = await harness();
    h.host.requireCaptcha();
    const followed = Promise.withResolvers<void>();
    const seen: string[] = [];
    const leader = h.upload("a", 10, {
      more: false,
      person: async () => {
        await followed.promise;
        if (seen.length === 1) h.host.requireCaptcha();
        else h.host.solveCaptcha();
      },
    });
    const follower = h.upload("b", 10, {
      more: false,
      person: async (url) => {
        seen.push(url);
        followed.resolve();
        if (seen.length === 2) throw new AppError("captcha", "nobody is there", { url });
      },
    });
    expect((await follower).error?.code).toBe("captcha");
    expect((await leader).error).toBeNull();
    expect(new Set(seen).size).toBe(2);
  });

  test("may have a token of any length", async () => {
    await using h = await harness();
    const token = "t".repeat(900);
    h.host.state.captcha = { token, solved: false };
    const { pages, error } = await h.upload("a", 10, { person: async () => h.host.solveCaptcha() });
    expect(error).toBeNull();
    expect(pages).toEqual([expect.stringContaining(token)]);
  });

  test("another token in the answer shows the new page", async () => {
    await using h = await harness();
    h.host.requireCaptcha();
    let polls = 0;
    const person = async () => {
      polls += 1;
      if (polls === 2) h.host.requireCaptcha();
      if (polls === 4) h.host.solveCaptcha();
    };
    const { pages, error } = await h.upload("a", 10, { person });
    expect(error).toBeNull();
    expect(pages.length).toBe(2);
    expect(pages[1]).toContain(h.host.state.captcha?.token ?? "?");
    expect(h.host.of("captcha").length).toBe(2);
  });

  test("a failure between two polls does not replace the page that somebody is solving", async () => {
    await using h = await harness();
    h.host.requireCaptcha();
    let polls = 0;
    const person = async () => {
      polls += 1;
      if (polls === 1) h.host.fault("link", { status: 503, body: "" });
      if (polls === 2) h.host.solveCaptcha();
    };
    const { pages, error, attempts } = await h.upload("a", 10, { person });
    expect(error).toBeNull();
    expect(attempts).toBe(2);
    expect(pages.length).toBe(1);
    expect(h.host.of("captcha").length).toBe(1);
  });

  test("with nobody there it is `captcha`, for each upload by itself", async () => {
    await using h = await harness();
    h.host.requireCaptcha();
    const person = async (url: string) => {
      throw new AppError("captcha", "nobody is there", { url });
    };
    const all = await Promise.all([1, 2].map((n) => h.upload(`f${n}`, 10, { person, more: false })));
    expect(all.map(({ error }) => error?.code)).toEqual(["captcha", "captcha"]);
  });

  test("stopping the upload that waits for the person passes the wait on to the next", async () => {
    await using h = await harness();
    h.host.requireCaptcha();
    const stop = new AbortController();
    const waiting = Promise.withResolvers<void>();
    const first = h.upload("a", 10, {
      signal: stop.signal,
      more: false,
      person: (_url) => {
        waiting.resolve();
        return new Promise((_, reject) => stop.signal.addEventListener("abort", () => reject(stop.signal.reason)));
      },
    });
    await waiting.promise;
    const second = h.upload("b", 10, { more: false, person: async () => h.host.solveCaptcha() });
    stop.abort();
    expect((await first).result).toBeNull();
    expect((await second).error).toBeNull();
    expect((await second).pages.length).toBe(1);
  });

  test("a token that the host no longer knows is left away", async () => {
    await using h = await harness();
    h.host.requireCaptcha();
    await h.upload("a", 10, { person: async () => h.host.solveCaptcha() });
    h.host.state.captcha = null;
    h.host.fault("link", { status: 422, body: { error: 1, code: 422, message: "Unknown captcha_token" } });
    expect((await h.upload("b", 10)).error).toBeNull();
    expect(asked(h).at(-1).captcha_token).toBeUndefined();
  });

  test("its page must be a public https address, unless the account is on loopback", async () => {
    await using h = await harness({ loopback: false });
    h.host.requireCaptcha();
    const { error, pages } = await h.upload("a", 10, { retries: 0 });
    expect(error).toMatchObject({ code: "host_protocol" });
    expect(pages).toEqual([]);
  });

  test("links are asked for side by side once none has been met", async () => {
    await using h = await harness();
    await h.upload("first", 10);
    const held = [gate(), gate()];
    for (const one of held) h.host.fault("link", { gate: one, gateAt: "end" });
    const both = [1, 2].map((n) => h.upload(`f${n}`, 10, { more: false }));
    await Promise.all(held.map((one) => one.reached));
    for (const one of held) one.open();
    expect((await Promise.all(both)).map(({ error }) => error)).toEqual([null, null]);
  });
});
