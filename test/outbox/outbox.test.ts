import { describe, expect, test } from "bun:test";
import { Webhook } from "standardwebhooks";
import { AppError, errorView } from "../../src/errors.ts";
import { ManualClock, MemoryOutboxStore, receiver, SECRET, stage, target, view } from "./fixture.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const FAILED = view(
  { state: "failed" },
  {
    state: "failed",
    ok: false,
    url: null,
    error: errorView(new AppError("host_rejected", "the host refused it", { hostMessage: "File too big" })),
  },
);

const CAPTCHA = (page: string) =>
  view(
    { state: "waiting", waitingFor: "captcha", finishedAt: null },
    {
      state: "waiting",
      waitingFor: "captcha",
      ok: null,
      url: null,
      error: errorView(new AppError("captcha", "ulozto wants a captcha solved", { url: page })),
    },
  );

describe("a callback", () => {
  test("is signed as Standard Webhooks and tells the job", async () => {
    await using to = receiver();
    await using on = stage({ hosts: [to.origin] });
    on.store.callbacks.set("job-1", `${to.origin}/done?token=s3cret`);
    on.outbox.observe({ type: "job.state", job: view(), jobPath: "/srv/x.bin" });
    await on.store.until(() => on.store.settled.length === 1);
    expect(on.store.settled).toEqual([null]);
    const [message] = to.received;
    const headers = Object.fromEntries(message?.headers.entries() ?? []);
    // The package knows the real time only.
    const webhook = new Webhook(SECRET);
    const signed = webhook.sign(
      headers["webhook-id"] ?? "",
      new Date(Number(headers["webhook-timestamp"]) * 1000),
      message?.body ?? "",
    );
    expect(headers["webhook-signature"]).toBe(signed);
    expect(Number(headers["webhook-timestamp"])).toBe(on.clock.now() / 1000);
    expect(headers["content-type"]).toBe("application/json");
    expect(headers.host).toBe(`127.0.0.1:${to.port}`);
    expect(JSON.parse(message?.body ?? "")).toEqual({
      type: "upload.completed",
      timestamp: new Date(on.clock.now()).toISOString(),
      data: view(),
    });
    expect(on.store.told).toEqual(["job-1"]);
    expect(on.logged).toEqual(["info callback: delivered"]);
  });

  test("verifies with the package of the standard", async () => {
    await using to = receiver();
    const clock = new ManualClock();
    clock.advance(Date.now() - clock.now());
    await using on = stage({ hosts: [to.origin], clock });
    on.store.callbacks.set("job-1", to.origin);
    on.outbox.ended(view());
    await on.store.until(() => on.store.settled.length === 1);
    const [message] = to.received;
    const headers = Object.fromEntries(message?.headers.entries() ?? []);
    expect(new Webhook(SECRET).verify(message?.body ?? "", headers)).toMatchObject({ type: "upload.completed" });
    expect(() => new Webhook(SECRET).verify(`${message?.body} `, headers)).toThrow();
  });

  test.each([
    [FAILED, "upload.failed"],
    [view({ state: "unknown" }, { state: "unknown", ok: false }), "upload.unknown"],
    [CAPTCHA("https://host.example/captcha?a"), "upload.captcha"],
  ])("has the type of what happened", async (job, type) => {
    await using to = receiver();
    await using on = stage({ hosts: [to.origin] });
    on.store.callbacks.set("job-1", to.origin);
    on.outbox.ended(job);
    await on.store.until(() => on.store.settled.length === 1);
    expect(JSON.parse(to.received[0]?.body ?? "")).toMatchObject({ type, data: { id: "job-1" } });
    expect(on.store.told).toEqual(type === "upload.captcha" ? [] : ["job-1"]);
  });

  test("is not sent for a job that goes on, was cancelled, or asked for none", async () => {
    await using to = receiver();
    await using on = stage({ hosts: [to.origin] });
    on.store.callbacks.set("job-1", to.origin);
    on.outbox.ended(view({ state: "running", finishedAt: null }));
    on.outbox.ended(view({ state: "cancelled" }));
    on.outbox.ended(view({ id: "job-2" }));
    await on.store.until(() => on.store.told.length === 2);
    expect(on.store.told).toEqual(["job-1", "job-2"]);
    expect(on.store.deliveries.size).toBe(0);
    expect(to.received).toEqual([]);
  });

  test("is sent once for an end that is told twice, and again for the end after a retry", async () => {
    await using to = receiver();
    await using on = stage({ hosts: [to.origin] });
    on.store.callbacks.set("job-1", to.origin);
    on.outbox.ended(FAILED);
    on.outbox.ended(FAILED);
    await on.store.until(() => on.store.settled.length === 1);
    on.outbox.ended(view({ state: "queued", finishedAt: null }));
    on.outbox.ended(FAILED);
    on.outbox.ended(FAILED);
    await on.store.until(() => on.store.settled.length === 2);
    expect(to.received.map(({ body }) => JSON.parse(body).type)).toEqual(["upload.failed", "upload.failed"]);
  });

  test("tells each page of a captcha once", async () => {
    await using to = receiver();
    await using on = stage({ hosts: [to.origin] });
    on.store.callbacks.set("job-1", to.origin);
    for (const page of ["a", "a", "b", "b"]) on.outbox.ended(CAPTCHA(`https://host.example/captcha?${page}`));
    on.outbox.ended(view());
    await on.store.until(() => on.store.settled.length === 3);
    const pages = to.received.map(({ body }) => JSON.parse(body).data.uploads[0].error?.url ?? "").sort();
    expect(pages).toEqual(["", "https://host.example/captcha?a", "https://host.example/captcha?b"]);
  });
});

describe("tries", () => {
  test("come after 5 s, 5 min, 30 min, 2 h, 5 h and 10 h, under one id, then never again", async () => {
    await using to = receiver(() => new Response("secret words", { status: 500 }));
    await using on = stage({ hosts: [to.origin] });
    on.store.callbacks.set("job-1", to.origin);
    on.outbox.ended(view());
    const waits = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR];
    for (const [index, wait] of waits.entries()) {
      await on.store.until(() => on.store.settled.length === index + 1);
      expect(on.store.settled.at(-1)).toBe(on.clock.now() + wait);
      on.clock.advance(wait - 1);
      await Bun.sleep(5);
      expect(to.received).toHaveLength(index + 1);
      on.clock.advance(1);
    }
    await on.store.until(() => on.store.settled.length === 7);
    expect(on.store.settled.at(-1)).toBeNull();
    expect(to.received).toHaveLength(7);
    expect(new Set(to.received.map(({ headers }) => headers.get("webhook-id"))).size).toBe(1);
    expect(new Set(to.received.map(({ headers }) => headers.get("webhook-timestamp"))).size).toBe(7);
    expect(new Set(to.received.map(({ body }) => body)).size).toBe(1);
    expect(on.logged.at(-1)).toBe("warn callback: not delivered (HTTP 500), given up after 7 tries");
    expect(on.logged.join()).not.toContain("secret words");
  });

  test.each([
    [200, null],
    [204, null],
    [410, null],
    [301, 5 * SECOND],
    [404, 5 * SECOND],
    [503, 5 * SECOND],
  ])("HTTP %d", async (status, wait) => {
    await using elsewhere = receiver();
    await using to = receiver(() => new Response(null, { status, headers: { location: `${elsewhere.origin}/` } }));
    await using on = stage({ hosts: [to.origin, elsewhere.origin] });
    on.store.callbacks.set("job-1", to.origin);
    on.outbox.ended(view());
    await on.store.until(() => on.store.settled.length === 1);
    expect(on.store.settled[0]).toBe(wait === null ? null : on.clock.now() + wait);
    expect(elsewhere.received).toEqual([]);
  });

  test("end with an answer, however long it is", async () => {
    let sent = 0;
    await using to = receiver(
      () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await Bun.sleep(0);
              sent += 1;
              controller.enqueue(new Uint8Array(16 * 1024));
            },
          }),
        ),
    );
    await using on = stage({ hosts: [to.origin] });
    on.store.callbacks.set("job-1", to.origin);
    on.outbox.ended(view());
    await on.store.until(() => on.store.settled.length === 1);
    expect(on.store.settled).toEqual([null]);
    expect(sent).toBeLessThan(1000);
  });

  test("of one receiver do not hold up another", async () => {
    const never = Promise.withResolvers<Response>();
    await using slow = receiver(() => never.promise as unknown as Response);
    await using quick = receiver();
    await using on = stage({ hosts: [slow.origin, quick.origin] });
    on.store.callbacks.set("job-1", slow.origin);
    on.store.callbacks.set("job-2", quick.origin);
    on.outbox.ended(view());
    on.outbox.ended(view({ id: "job-2" }));
    await on.store.until(() => on.store.settled.length === 1);
    expect(quick.received).toHaveLength(1);
    expect(on.store.settled).toEqual([null]);
    never.resolve(new Response());
  });

  test("that a stop cuts short do not count; the next server makes them", async () => {
    const asked = Promise.withResolvers<void>();
    const never = Promise.withResolvers<Response>();
    await using to = receiver((_, index) => {
      asked.resolve();
      return index === 0 ? (never.promise as unknown as Response) : new Response();
    });
    const clock = new ManualClock();
    const store = new MemoryOutboxStore(clock);
    {
      await using on = stage({ hosts: [to.origin], clock, store });
      store.callbacks.set("job-1", to.origin);
      on.outbox.ended(view());
      await asked.promise;
    }
    expect(store.settled).toEqual([]);
    await using _ = stage({ hosts: [to.origin], clock, store });
    await store.until(() => store.settled.length === 1);
    expect(store.settled).toEqual([null]);
    never.resolve(new Response());
  });
});

describe("storing", () => {
  test("comes before a stop", async () => {
    const clock = new ManualClock();
    const store = new MemoryOutboxStore(clock);
    const on = stage({ hosts: [], clock, store });
    store.callbacks.set("job-1", "https://ci.example/");
    on.outbox.ended(view());
    await on.outbox.stop();
    expect([...store.deliveries.values()]).toMatchObject([{ channel: "callback", url: "https://ci.example/" }]);
    expect(store.told).toEqual(["job-1"]);
  });

  test("that fails leaves the end untold and is made good when it is told again", async () => {
    await using to = receiver();
    await using on = stage({ hosts: [to.origin] });
    on.store.callbacks.set("job-1", to.origin);
    on.store.broken = new AppError("state", "the disk is full");
    on.outbox.ended(view());
    while (on.logged.length === 0) await Bun.sleep(1);
    expect(on.logged).toEqual(["warn outbox: a message could not be stored: the disk is full"]);
    expect(on.store.told).toEqual([]);
    on.store.broken = null;
    on.outbox.ended(view());
    await on.store.until(() => on.store.settled.length === 1);
    expect(to.received).toHaveLength(1);
  });
});

describe("a [[notify]]", () => {
  test("gets a sentence, and its URL is in neither database nor log", async () => {
    await using to = receiver((_, index) => new Response(null, { status: index === 0 ? 500 : 200 }));
    const url = `${to.origin}/topic-S3CRET?token=S3CRET`;
    await using on = stage({ notify: [target({ url, headers: { Authorization: "Bearer S3CRET", Title: "hoist" } })] });
    on.outbox.ended(FAILED);
    await on.store.until(() => on.store.settled.length === 1);
    const stored = JSON.stringify([...on.store.deliveries.values()]);
    on.clock.advance(5 * SECOND);
    await on.store.until(() => on.store.settled.length === 2);
    expect(to.received[1]?.body).toBe('x.bin → ulozto: failed, the host refused it ("File too big")');
    expect(to.received[1]?.path).toBe("/topic-S3CRET");
    expect(to.received[1]?.headers.get("authorization")).toBe("Bearer S3CRET");
    expect(to.received[1]?.headers.get("title")).toBe("hoist");
    expect(to.received[1]?.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(to.received[1]?.headers.has("webhook-signature")).toBe(false);
    expect(stored).toContain("notify phone");
    expect(stored + on.logged.join()).not.toContain("S3CRET");
  });

  test("is told only of what it asks for", async () => {
    await using to = receiver();
    await using on = stage({
      notify: [
        target({ name: "bad", url: `${to.origin}/bad`, on: ["failed", "unknown"] }),
        target({ name: "good", url: `${to.origin}/good`, on: ["done"] }),
        target({ name: "people", url: `${to.origin}/people`, on: ["captcha", "paused"] }),
      ],
    });
    on.outbox.ended(view());
    on.outbox.ended({ ...FAILED, id: "job-2" });
    on.outbox.ended({ ...CAPTCHA("https://host.example/c"), id: "job-3" });
    const account = { name: "ulozto", host: "ulozto", running: 0, coolDownUntil: null, captchaUrl: null } as const;
    for (const state of ["busy", "paused", "paused", "idle", "stopped"] as const) {
      on.outbox.observe({ type: "account.state", account: { ...account, state, reason: "five failures" } });
    }
    await on.store.until(() => on.store.settled.length === 5);
    expect(to.received.map(({ path, body }) => `${path} ${body}`).sort()).toEqual([
      '/bad x.bin → ulozto: failed, the host refused it ("File too big")',
      "/good x.bin → ulozto: done https://host.example/f/1",
      "/people ulozto: paused, five failures",
      "/people ulozto: paused, five failures",
      "/people x.bin → ulozto: captcha, ulozto wants a captcha solved https://host.example/c",
    ]);
  });

  test("is told once of a page that several jobs wait for", async () => {
    await using to = receiver();
    await using on = stage({ notify: [target({ url: to.origin })] });
    on.outbox.ended(CAPTCHA("https://host.example/c"));
    on.outbox.ended({ ...CAPTCHA("https://host.example/c"), id: "job-2" });
    on.outbox.ended({ ...view(), id: "job-3" });
    await on.store.until(() => on.store.settled.length === 2);
    expect(to.received.map(({ body }) => body).sort()).toEqual([
      "x.bin → ulozto: captcha, ulozto wants a captcha solved https://host.example/c",
      "x.bin → ulozto: done https://host.example/f/1",
    ]);
  });

  test("that is configured no more is given up", async () => {
    const clock = new ManualClock();
    const store = new MemoryOutboxStore(clock);
    await store.enqueueDelivery({ channel: "notify gone", url: "", body: "x" });
    await using on = stage({ clock, store });
    await store.until(() => store.settled.length === 1);
    expect(store.settled).toEqual([null]);
    expect(on.logged).toEqual(["warn notify gone: given up: the receiver wants no more of it"]);
  });
});
