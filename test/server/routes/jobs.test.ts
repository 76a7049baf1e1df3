import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import * as v from "valibot";
import { AppError } from "../../../src/errors.ts";
import { jobOrGroupView, jobsPage, jobViewSchema, problemView } from "../../../src/server/schemas.ts";
import { type Stage, stage, submit } from "../fixture.ts";

let at: Stage;
beforeEach(async () => {
  await at?.[Symbol.asyncDispose]();
  at = await stage();
});
afterAll(() => at[Symbol.asyncDispose]());

const PATH = "/srv/out/x.bin";

/** The problem of an answer, checked against its schema. */
async function problem(response: Response): Promise<v.InferOutput<typeof problemView>> {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const value = v.parse(problemView, await response.json());
  expect(value.status).toBe(response.status);
  expect(value.requestId).toBe(response.headers.get("x-request-id") ?? "");
  return value;
}

describe("POST /v1/jobs", () => {
  test("answers 202, Location and the job", async () => {
    const response = await submit(at);
    expect(response.status).toBe(202);
    const job = v.parse(jobViewSchema, await response.json());
    expect(response.headers.get("location")).toBe(`/v1/jobs/${job.id}`);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(job).toMatchObject({ state: "queued", source: { path: PATH } });
  });

  test("hands on what was asked, with who asks", async () => {
    const body = {
      path: PATH,
      to: ["ulozto:/Movies", "ulozto"],
      name: "movie.mkv",
      labels: { build: "42" },
      recursive: true,
      callback: "https://ci.example/done",
      notBefore: "2026-12-01T02:00:00Z",
      resumable: "never",
      after: "keep",
    };
    expect((await submit(at, body)).status).toBe(202);
    const [added] = at.jobs.added;
    expect(added?.request).toMatchObject({ path: PATH, name: "movie.mkv", labels: { build: "42" }, recursive: true });
    expect(added?.submitter).toEqual({
      name: "token:all",
      hook: null,
      roots: [{ path: "/srv/out", write: false }],
      mayDelete: true,
    });
    expect(added?.key).toBeNull();
  });

  test("only the scope delete lets files be deleted", async () => {
    const body = JSON.stringify({ path: PATH, to: ["ulozto"] });
    const headers = { "content-type": "application/json" };
    await at.fetch("/v1/jobs", { method: "POST", token: "submit", body, headers });
    expect(at.jobs.added[0]?.submitter.mayDelete).toBe(false);
  });

  test.each([
    ["outside the roots", "/etc/passwd"],
    ["missing", "/srv/out/missing"],
  ])("a path that is %s is one 422, and the log has it", async (_, path) => {
    const response = await submit(at, { path, to: ["ulozto"] });
    expect(response.status).toBe(422);
    const { code, detail } = await problem(response);
    expect({ code, detail }).toEqual({
      code: "source",
      detail: "the path is not there, not readable, or not below a root",
    });
    expect(at.log.find(({ event }) => event === "job.refused")?.msg).toContain(path);
  });

  test.each([
    [{}, [["path", "is missing"]]],
    ['"a text"', [["", "the body must be a JSON object"]]],
    [null, [["", "the body must be a JSON object"]]],
    [[], [["", "the body must be a JSON object"]]],
    [[{ path: PATH }], [["", "the body must be a JSON object"]]],
    [{ path: 5 }, [["path", "must be a string"]]],
    [{ path: "" }, [["path", "is empty"]]],
    [{ path: "/".repeat(4097) }, [["path", "is too long"]]],
    [{ path: PATH, to: "ulozto" }, [["to", "must be a list"]]],
    [{ path: PATH, to: ["ulozto", 5] }, [["to[1]", "must be a string"]]],
    [{ path: PATH, recursive: "yes" }, [["recursive", "must be a boolean"]]],
    [{ path: PATH, notBefore: "soon" }, [["notBefore", "must be a time such as 2026-12-01T02:00:00Z"]]],
    [{ path: PATH, notBefore: "2027-02-29T00:00:00Z" }, [["notBefore", "must be a time such as 2026-12-01T02:00:00Z"]]],
    [
      { path: PATH, notBefore: "2026-12-01T02:00:00+02" },
      [["notBefore", "must be a time such as 2026-12-01T02:00:00Z"]],
    ],
    [{ path: PATH, callback: "ftp" }, [["callback", "must be a URL"]]],
    [{ path: PATH, resumable: "maybe" }, [["resumable", "must be one of auto, always, never"]]],
    [{ path: PATH, after: "burn" }, [["after", "must be keep, delete or move:DIR"]]],
    [{ path: PATH, canary: 1 }, [["canary", "is not known"]]],
    [{ path: PATH, firstNumber: 0 }, [["firstNumber", "must be a whole number from 1 on"]]],
    [{ path: PATH, "canary-1": 1 }, [["", "has a key that is not known"]]],
    [{ path: PATH, "": 1, ["x".repeat(33)]: 1 }, [["", "has a key that is not known"]]],
    [
      { path: PATH, labels: { ok: "1", "not ok": "2" } },
      [["labels", "must have names of 1 to 64 letters, digits, dots, dashes and underscores"]],
    ],
    [{ path: PATH, labels: { ok: 1 } }, [["labels", "must have texts of at most 1024 characters as values"]]],
    [{ path: PATH, labels: ["a"] }, [["labels", "must be an object"]]],
    [{ path: PATH, labels: { constructor: "x" } }, [["labels", "must have no label named constructor"]]],
    [{ path: PATH, to: [] }, [["to", "is empty"]]],
  ])("%j is 400 and says where", async (body, errors) => {
    const response = await submit(at, body);
    expect(response.status).toBe(400);
    const found = await problem(response);
    expect(found.code).toBe("usage");
    expect(found.errors).toEqual((errors as [string, string][]).map(([path, message]) => ({ path, message })));
  });

  test("no wrong request comes back in its answer", async () => {
    const canary = "canary-5a17";
    const wrong: unknown[] = [
      canary,
      [canary],
      { [canary]: canary },
      { path: [canary] },
      { path: PATH, to: canary },
      { path: PATH, to: [canary] },
      { path: PATH, to: [{ [canary]: 1 }] },
      { path: PATH, labels: { [canary]: 1, [`${canary} `]: canary } },
      { path: PATH, labels: canary },
      { path: PATH, notBefore: canary },
      { path: PATH, callback: canary },
      { path: PATH, resumable: canary },
      { path: PATH, after: canary },
      { path: `/srv/out/missing/${canary}`, to: ["ulozto"] },
      { path: `/${canary}`, to: ["ulozto"] },
    ];
    for (const body of wrong) {
      const response = await submit(at, body);
      expect([400, 422]).toContain(response.status);
      expect([body, await response.text()]).toEqual([body, expect.not.stringContaining("canary")]);
    }
    const query = await at.fetch(`/v1/jobs?${canary}=${canary}&state=${canary}&limit=${canary}`);
    expect(await query.text()).not.toContain("canary");
    expect(await (await at.fetch(`/v1/jobs/${canary}`)).text()).not.toContain("canary");
    expect(await (await at.fetch(`/${canary}`)).text()).not.toContain("canary");
    expect(await (await at.fetch(`/hooks/${canary}`)).text()).not.toContain("canary");
  });

  test("a bug is told by its number only; the log has the rest", async () => {
    at.jobs.onAdd = async () => {
      throw new TypeError("canary: undefined is not a function");
    };
    const response = await submit(at);
    expect(response.status).toBe(500);
    const { code, detail, requestId } = await problem(response);
    expect(code).toBe("internal");
    expect(detail).not.toContain("canary");
    const line = at.log.find((each) => each.requestId === requestId);
    expect(line).toMatchObject({ level: "error" });
    expect(line?.msg).toContain("canary");
  });
});

test("a full queue is 429, and says when to come back", async () => {
  at.jobs.onAdd = async () => {
    throw new AppError("queue_full", "the queue is full");
  };
  const response = await submit(at);
  expect(response.status).toBe(429);
  expect(response.headers.get("retry-after")).toBe("30");
  expect(await problem(response)).toMatchObject({ code: "queue_full", retryable: true });
});

test("a full disk is 507; where it is stays in the log", async () => {
  at.jobs.onAdd = async () => {
    throw new AppError("state", "the disk of /secret/place is full");
  };
  const response = await submit(at);
  expect(response.status).toBe(507);
  expect((await problem(response)).detail).not.toContain("/secret");
  expect(at.log.find(({ event }) => event === "request.failed")?.msg).toContain("/secret/place");
});

describe("Idempotency-Key", () => {
  const KEY = { "idempotency-key": "build-42" };

  test("the same key and body give the same job", async () => {
    const first = await submit(at, undefined, KEY);
    const { id } = await first.json();
    expect(first.status).toBe(202);
    const again = await submit(at, undefined, KEY);
    expect(again.status).toBe(200);
    expect((await again.json()).id).toBe(id);
    // What means the same is the same: order of keys, blanks, defaults.
    const spelled = await submit(at, ` {"to" : ["ulozto"], "recursive":false, "path":"${PATH}"}`, KEY);
    expect(spelled.status).toBe(200);
    expect(at.jobs.added.every(({ key }) => key?.scope === "token:all" && key.key === "build-42")).toBe(true);
  });

  test("labels in another order are the same body", async () => {
    await submit(at, `{"path":"${PATH}","to":["ulozto"],"labels":{"a":"1","b":"2"}}`, KEY);
    const again = await submit(at, `{"path":"${PATH}","to":["ulozto"],"labels":{"b":"2","a":"1"}}`, KEY);
    expect(again.status).toBe(200);
  });

  test("with another body it is 422", async () => {
    await submit(at, undefined, KEY);
    const other = await submit(at, { path: "/srv/out/y.bin", to: ["ulozto"] }, KEY);
    expect(other.status).toBe(422);
    expect((await problem(other)).code).toBe("unprocessable");
  });

  test.each(["", "a b", "x".repeat(256)])("%j is no key", async (key) => {
    expect((await submit(at, undefined, { "idempotency-key": key })).status).toBe(400);
  });
});

describe("Prefer: wait", () => {
  const WAIT = { prefer: "wait=30" };

  test("answers 200 with the ended job", async () => {
    const answer = submit(at, undefined, WAIT);
    await Bun.sleep(30);
    at.jobs.change("job-1", "done");
    const response = await answer;
    expect(response.status).toBe(200);
    expect(response.headers.get("preference-applied")).toBe("wait=30");
    expect(await response.json()).toMatchObject({ id: "job-1", state: "done" });
  });

  test("answers 202 with the job as it is when it has not ended", async () => {
    const response = await submit(at, undefined, { prefer: "respond-async, wait=0" });
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ state: "queued" });
  });

  test("of one job, always 200", async () => {
    await submit(at);
    const waiting = at.fetch("/v1/jobs/job-1", { headers: WAIT });
    await Bun.sleep(30);
    at.jobs.change("job-1", "failed");
    const response = await waiting;
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ state: "failed" });
    expect((await at.fetch("/v1/jobs/job-1", { headers: { prefer: "wait=0" } })).status).toBe(200);
  });

  test("an unknown preference is none", async () => {
    const response = await submit(at, undefined, { prefer: "return=minimal; wait" });
    expect(response.status).toBe(202);
    expect(response.headers.get("preference-applied")).toBeNull();
  });
});

describe("Accept: text/plain", () => {
  const TEXT = { accept: "text/plain" };

  test("the state and the id, then the links", async () => {
    const queued = await submit(at, undefined, TEXT);
    expect(queued.status).toBe(202);
    expect(queued.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(queued.headers.get("location")).toBe("/v1/jobs/job-1");
    expect(await queued.text()).toBe("queued job-1\n");
    at.jobs.change("job-1", "done");
    const done = await at.fetch("/v1/jobs/job-1", { headers: TEXT });
    expect(await done.text()).toBe("https://host.example/job-1\n");
    at.jobs.change("job-1", "failed");
    expect(await (await at.fetch("/v1/jobs/job-1", { headers: TEXT })).text()).toBe("");
  });

  test.each(["*/*", "application/json, text/plain;q=0.5", "text/html"])("%s is JSON", async (accept) => {
    expect((await submit(at, undefined, { accept })).headers.get("content-type")).toBe("application/json");
  });
});

describe("GET /v1/jobs", () => {
  test("pages", async () => {
    for (let count = 0; count < 3; count += 1) await submit(at);
    const page = v.parse(jobsPage, await (await at.fetch("/v1/jobs?limit=2")).json());
    expect(page.jobs).toHaveLength(2);
    expect(page.next).toBe("more");
    expect(v.parse(jobsPage, await (await at.fetch("/v1/jobs?limit=3&after=more")).json()).next).toBeNull();
  });

  test("every parameter reaches the list", async () => {
    let asked: unknown = null;
    const { list } = at.jobs;
    at.jobs.list = async (query, roots) => {
      asked = query;
      return list(query, roots);
    };
    await at.fetch("/v1/jobs?state=failed&account=ulozto&label.build=42&label.a=b&limit=7&after=cursor");
    expect(asked).toEqual({
      state: "failed",
      account: "ulozto",
      labels: { build: "42", a: "b" },
      limit: 7,
      after: "cursor",
    });
    await at.fetch("/v1/jobs");
    expect(asked).toEqual({ labels: {}, limit: 100 });
    await at.fetch("/v1/jobs?limit=99999");
    expect(asked).toEqual({ labels: {}, limit: 1000 });
  });

  test.each([
    "limit=0",
    "limit=-1",
    "limit=x",
    "limit=",
    "state=nope",
    "staet=done",
    "state=done&state=failed",
    "after=",
    "label.a=1&label.a=2",
  ])("%s is 400", async (query) => {
    expect((await at.fetch(`/v1/jobs?${query}`)).status).toBe(400);
  });
});

describe("one job", () => {
  test("cancel, retry, forget", async () => {
    await submit(at);
    const post = (action: string) => at.fetch(`/v1/jobs/job-1/${action}`, { method: "POST" });
    expect((await post("retry")).status).toBe(409);
    expect((await at.fetch("/v1/jobs/job-1", { method: "DELETE" })).status).toBe(409);
    const cancelled = await post("cancel");
    expect(cancelled.status).toBe(200);
    expect(v.parse(jobOrGroupView, await cancelled.json())).toMatchObject({ id: "job-1", state: "cancelled" });
    expect((await problem(await post("cancel"))).code).toBe("conflict");
    expect(await (await post("retry")).json()).toMatchObject({ state: "queued" });
    await post("cancel");
    const forgotten = await at.fetch("/v1/jobs/job-1", { method: "DELETE" });
    expect(forgotten.status).toBe(204);
    expect(await forgotten.text()).toBe("");
    expect((await at.fetch("/v1/jobs/job-1")).status).toBe(404);
  });

  test("another's job is as unknown as none", async () => {
    await submit(at);
    const tail = async (path: string, method: string) => {
      const response = await at.fetch(path, { method, token: "elsewhere" });
      const { requestId: _, ...rest } = await problem(response);
      return rest;
    };
    for (const [method, action] of [
      ["GET", ""],
      ["DELETE", ""],
      ["POST", "/cancel"],
      ["POST", "/retry"],
    ] as const) {
      const foreign = await tail(`/v1/jobs/job-1${action}`, method);
      expect(foreign.status).toBe(404);
      expect(foreign).toEqual(await tail(`/v1/jobs/job-2${action}`, method));
    }
    expect(await (await at.fetch("/v1/jobs", { token: "elsewhere" })).json()).toMatchObject({ jobs: [] });
  });

  test.each(["%2e%2e", "a%2fb", "x".repeat(65), "%00", "%zz", "a b"])("%s is no id", async (id) => {
    expect((await at.fetch(`/v1/jobs/${id}`)).status).toBe(404);
  });
});

test("while it stops, nothing new is taken; what there is can still be seen", async () => {
  at.draining = true;
  const refused = await submit(at);
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).not.toBeNull();
  expect((await problem(refused)).code).toBe("draining");
  expect((await at.fetch("/v1/jobs")).status).toBe(200);
  expect((await at.fetch("/v1/accounts")).status).toBe(200);
  expect((await at.fetch("/v1/jobs/job-1/cancel", { method: "POST" })).status).toBe(503);
  expect((await at.fetch("/v1/events")).status).toBe(503);
  expect((await at.fetch("/v1/jobs", { token: null })).status).toBe(401);
  expect((await at.fetch("/readyz")).status).toBe(503);
  expect((await at.fetch("/healthz")).status).toBe(200);
});

test("readiness", async () => {
  expect(await (await at.fetch("/readyz", { token: null })).json()).toEqual({ status: "ok" });
  at.unready = "the disk at /secret/place is full";
  for (let count = 0; count < 2; count += 1) {
    const response = await at.fetch("/readyz", { token: null });
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ status: "unavailable" });
  }
  expect(at.log.filter(({ event }) => event === "unready")).toHaveLength(1);
});
