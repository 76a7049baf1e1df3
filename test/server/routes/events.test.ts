import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Stage, stage, submit } from "../fixture.ts";

let at: Stage;
beforeEach(async () => {
  at = await stage({ heartbeatMs: 40, kept: 5 });
});
afterEach(() => at[Symbol.asyncDispose]());

interface Heard {
  readonly id: number;
  readonly event: string;
  readonly data: { readonly id?: string; readonly state?: string; readonly job?: string; readonly name?: string };
}

interface Ear extends AsyncDisposable {
  readonly response: Response;
  readonly heard: Heard[];
  readonly comments: number;
  readonly ended: boolean;
  until(count: number): Promise<readonly Heard[]>;
}

async function listenTo(
  path = "/v1/events",
  init: { token?: string; headers?: Record<string, string> } = {},
): Promise<Ear> {
  const controller = new AbortController();
  const response = await at.fetch(path, { ...init, signal: controller.signal });
  const heard: Heard[] = [];
  let comments = 0;
  let ended = false;
  const reading = (async () => {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const fields = Object.fromEntries(
          block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
        );
        if (block.startsWith(":")) comments += 1;
        if (fields.data !== undefined)
          heard.push({ id: Number(fields.id), event: fields.event ?? "", data: JSON.parse(fields.data) });
      }
    }
  })()
    .catch(() => {})
    .finally(() => {
      ended = true;
    });
  return {
    response,
    heard,
    get comments() {
      return comments;
    },
    get ended() {
      return ended;
    },
    async until(count) {
      for (let tries = 0; heard.length < count && tries < 400; tries += 1) await Bun.sleep(5);
      expect(heard.length).toBeGreaterThanOrEqual(count);
      return heard;
    },
    async [Symbol.asyncDispose]() {
      controller.abort();
      await reading;
    },
  };
}

async function eventually(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds() && tries < 400; tries += 1) await Bun.sleep(5);
  expect(holds()).toBe(true);
}

const states = (heard: readonly Heard[]) => heard.map(({ data }) => `${data.id} ${data.state}`);

describe("GET /v1/events", () => {
  test("tells what happens, in order, with rising ids", async () => {
    await using ear = await listenTo();
    expect(ear.response.headers.get("content-type")).toBe("text/event-stream");
    await submit(at);
    at.jobs.change("job-1", "running");
    at.jobs.emit({
      type: "job.progress",
      job: "job-1",
      jobPath: "/srv/out/x.bin",
      upload: "job-1-0",
      account: "ulozto",
      bytes: 5,
      size: 10,
      rate: 2,
      phase: "sending",
    });
    at.jobs.emit({ type: "account.state", account: (await at.jobs.accounts())[0] as never });
    const heard = await ear.until(4);
    expect(heard.map(({ event }) => event)).toEqual(["job.state", "job.state", "job.progress", "account.state"]);
    expect(heard[1]?.data).toMatchObject({ v: 1, id: "job-1", state: "running" });
    expect(heard[2]?.data).toMatchObject({
      job: "job-1",
      upload: "job-1-0",
      account: "ulozto",
      bytes: 5,
      size: 10,
      rate: 2,
    });
    expect(heard[3]?.data).toMatchObject({ name: "ulozto" });
    const ids = heard.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(new Set(ids).size).toBe(4);
  });

  test("goes on after Last-Event-ID, without what only passed by", async () => {
    await using first = await listenTo();
    await submit(at);
    const [seen] = await first.until(1);
    await first[Symbol.asyncDispose]();
    at.jobs.change("job-1", "running");
    at.jobs.emit({
      type: "job.progress",
      job: "job-1",
      jobPath: "/srv/out/x.bin",
      upload: "job-1-0",
      account: "ulozto",
      bytes: 1,
      size: 2,
      rate: 1,
      phase: "sending",
    });
    at.jobs.change("job-1", "done");
    await using second = await listenTo("/v1/events", { headers: { "last-event-id": String(seen?.id) } });
    expect(states(await second.until(2))).toEqual(["job-1 running", "job-1 done"]);
  });

  test("what is too long ago is forgotten; a reader of an earlier server gets all there is", async () => {
    await submit(at);
    for (let count = 0; count < 8; count += 1) at.jobs.change("job-1", count % 2 === 0 ? "running" : "waiting");
    await using ear = await listenTo("/v1/events", { headers: { "last-event-id": "7" } });
    await ear.until(5);
    await Bun.sleep(20);
    expect(ear.heard).toHaveLength(5);
  });

  test.each(["7", "9".repeat(16), "nonsense"])(
    "says to a reader that has seen %s that it has missed some",
    async (id) => {
      await submit(at);
      const headers = { "last-event-id": id };
      const start = async (path: string) => {
        const { body } = await at.fetch(path, { headers });
        const reader = body?.getReader();
        const { value } = (await reader?.read()) ?? {};
        await reader?.cancel();
        return new TextDecoder().decode(value);
      };
      const all = await start("/v1/events");
      expect(all).toMatch(/^retry: 2000\n\n: .*list the jobs again\n\nid: \d+\nevent: job\.state\n/);
      const one = await start("/v1/events?job=job-1");
      expect(one).toMatch(/^retry: 2000\n\nid: \d+\nevent: job\.state\ndata: .*"job-1"/);
      expect(one.split("event: ")).toHaveLength(2);
    },
  );

  test("a new reader without an id gets only what is new", async () => {
    await submit(at);
    await using ear = await listenTo();
    at.jobs.change("job-1", "running");
    expect(states(await ear.until(1))).toEqual(["job-1 running"]);
  });

  test("?job= is one job's, beginning with how it stands", async () => {
    await submit(at);
    await submit(at);
    await using ear = await listenTo("/v1/events?job=job-2");
    at.jobs.change("job-1", "running");
    at.jobs.emit({ type: "account.state", account: (await at.jobs.accounts())[0] as never });
    at.jobs.change("job-2", "done");
    expect(states(await ear.until(2))).toEqual(["job-2 queued", "job-2 done"]);
    await Bun.sleep(20);
    expect(ear.heard).toHaveLength(2);
    expect((await at.fetch("/v1/events?job=nope")).status).toBe(404);
    expect((await at.fetch("/v1/events?jbo=job-1")).status).toBe(400);
  });

  test("jobs outside the token's roots are not heard of, also not later", async () => {
    await using ear = await listenTo("/v1/events", { token: "elsewhere" });
    await submit(at);
    at.jobs.emit({
      type: "job.progress",
      job: "job-1",
      jobPath: "/srv/out/x.bin",
      upload: "job-1-0",
      account: "ulozto",
      bytes: 1,
      size: 2,
      rate: 1,
      phase: "sending",
    });
    at.jobs.emit({ type: "account.state", account: (await at.jobs.accounts())[0] as never });
    expect((await ear.until(1)).map(({ event }) => event)).toEqual(["account.state"]);
    await using later = await listenTo("/v1/events", { token: "elsewhere", headers: { "last-event-id": "0" } });
    expect((await later.until(1)).map(({ event }) => event)).toEqual(["account.state"]);
    expect((await at.fetch("/v1/events?job=job-1", { token: "elsewhere" })).status).toBe(404);
  });

  test("a quiet stream has a heartbeat", async () => {
    await using ear = await listenTo();
    await eventually(() => ear.comments >= 2);
  });

  test("is not among the requests that are counted: 64 of them leave room for others", async () => {
    const ears = await Promise.all(Array.from({ length: 64 }, () => listenTo()));
    expect((await at.fetch("/v1/events")).status).toBe(503);
    expect((await at.fetch("/v1/jobs")).status).toBe(200);
    await Promise.all(ears.slice(0, 3).map((ear) => ear[Symbol.asyncDispose]()));
    let again = 503;
    for (let tries = 0; again === 503 && tries < 100; tries += 1) {
      const response = await at.fetch("/v1/events");
      again = response.status;
      await response.body?.cancel();
      await Bun.sleep(5);
    }
    expect(again).toBe(200);
    await Promise.all(ears.map((ear) => ear[Symbol.asyncDispose]()));
  });

  test("ends when the server says so", async () => {
    await using ear = await listenTo();
    await submit(at);
    await ear.until(1);
    at.events.end();
    await eventually(() => ear.ended);
  });

  test("a reader that does not read is dropped, and nobody waits for it", async () => {
    const socket = await at.open();
    socket.write(
      `GET /v1/events HTTP/1.1\r\nHost: ${at.host}\r\nAuthorization: Bearer all-secret-that-is-long-enough\r\n\r\n`,
    );
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
    await using ear = await listenTo();
    let closed = false;
    socket.on("close", () => {
      closed = true;
    });
    const text = "x".repeat(10_000);
    for (let count = 0; count < 1500; count += 1) {
      at.jobs.emit({
        type: "job.progress",
        job: text,
        jobPath: "-",
        upload: "job-1-0",
        account: "ulozto",
        bytes: 1,
        size: 2,
        rate: 1,
        phase: "sending",
      });
      if (count % 50 === 0) await Bun.sleep(1);
    }
    socket.resume();
    await eventually(() => closed);
    expect(ear.ended).toBe(false);
    expect(at.log.filter(({ level }) => level === "error")).toEqual([]);
  });
});
