import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { jobViewSchema } from "../../../src/server/schemas.ts";
import { bytesOf } from "../../support/temporary.ts";
import { bearer, type Stage, stage } from "../fixture.ts";

let at: Stage;
beforeAll(async () => {
  at = await stage({ settings: { maxSpool: 100_000 } });
});
afterAll(() => at[Symbol.asyncDispose]());

const put = (path: string, init: RequestInit & { token?: string } = {}) =>
  at.fetch(`/v1/files/${path}`, { method: "PUT", body: "content", ...init });

const head = (length: string, path = "x.bin?to=ulozto") =>
  `PUT /v1/files/${path} HTTP/1.1\r\nHost: ${at.host}\r\nAuthorization: ${bearer()}\r\n${length}\r\n`;
const status = (text: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0);

/** What stands in the spool that no job has. */
const leftovers = () => {
  const known = new Set(at.jobs.spooled.map(({ file }) => file.path));
  return existsSync(at.spool) ? readdirSync(at.spool).filter((name) => !known.has(`${at.spool}/${name}`)) : [];
};

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds() && tries < 500; tries += 1) await Bun.sleep(10);
  expect(holds()).toBe(true);
}

describe("PUT /v1/files", () => {
  test("answers like POST, with the body in a private file", async () => {
    const response = await put("a%20%C5%BE.iso?to=ulozto:/ISO&label.build=42");
    expect(response.status).toBe(202);
    const job = v.parse(jobViewSchema, await response.json());
    expect(response.headers.get("location")).toBe(`/v1/jobs/${job.id}`);
    const spooled = at.jobs.spooled.at(-1);
    expect(spooled).toMatchObject({ content: "content", file: { name: "a ž.iso", size: 7 } });
    expect(statSync(spooled?.file.path ?? "").mode & 0o777).toBe(0o600);
    expect(statSync(at.spool).mode & 0o777).toBe(0o700);
  });

  test.each([
    ["any content type", { "content-type": "application/x-www-form-urlencoded" }],
    ["none", {}],
    ["an odd one", { "content-type": "nonsense" }],
  ])("%s", async (_, headers) => {
    expect((await put("x.bin?to=ulozto", { headers })).status).toBe(202);
  });

  test("where no body can be written, the answer names the state directory's failure and no bug", async () => {
    await using broken = await stage();
    writeFileSync(broken.spool, "in the way");
    const response = await broken.fetch("/v1/files/x.bin?to=ulozto", { method: "PUT", body: "content" });
    expect(response.status).toBe(507);
    const body = await response.json();
    expect(body).toMatchObject({ code: "state" });
    expect(JSON.stringify(body)).not.toContain("bug");
    expect(broken.jobs.spooled).toEqual([]);
  });

  test("an empty file, with a length and without a body", async () => {
    expect((await put("empty?to=ulozto", { body: "" })).status).toBe(202);
    expect(status(await at.raw(head("Connection: close\r\n")))).toBe(202);
    expect(at.jobs.spooled.slice(-2).map(({ file }) => file.size)).toEqual([0, 0]);
  });

  test("curl -T with and without a length", async () => {
    const from = join(dirname(at.spool), "a.iso");
    await Bun.write(from, bytesOf(70_000));
    const curl = (args: readonly string[], stdin: Uint8Array | "ignore" = "ignore") => {
      const common = ["curl", "-s", "-w", "%{http_code}", "-o", "/dev/null", "-H", `Authorization: ${bearer()}`];
      return new Response(Bun.spawn([...common, ...args], { stdin }).stdout).text();
    };
    const url = `http://${at.host}/v1/files/`;
    expect(await curl(["-T", from, url])).toBe("202");
    expect(at.jobs.spooled.at(-1)?.file).toMatchObject({ name: "a.iso", size: 70_000 });
    expect(await curl(["-T", "-", `${url}piped.bin?to=ulozto`], bytesOf(70_000))).toBe("202");
    const last = at.jobs.spooled.at(-1);
    expect(last?.file).toMatchObject({ name: "piped.bin", size: 70_000 });
    expect(await Bun.file(last?.file.path ?? "").bytes()).toEqual(bytesOf(70_000));
  });

  test("curl with a wrong token stops soon after it is refused", async () => {
    const from = join(dirname(at.spool), "large.iso");
    await Bun.write(from, new Uint8Array(64 * 1024 * 1024));
    const args = [
      "curl",
      "-s",
      "-w",
      "%{http_code} %{size_upload}",
      "-o",
      "/dev/null",
      "-H",
      "Authorization: Bearer no",
    ];
    const { stdout } = Bun.spawn([...args, "-T", from, `http://${at.host}/v1/files/?to=ulozto`]);
    const [code, sent] = (await new Response(stdout).text()).split(" ");
    expect(code).toBe("401");
    expect(Number(sent)).toBeLessThan(32 * 1024 * 1024);
  });

  test("a body without a token, without the scope or too large is refused unread, and the connection ends", async () => {
    const refusals = [
      ["", 401],
      [`Authorization: ${bearer("read")}\r\n`, 403],
      [`Authorization: ${bearer()}\r\n`, 413],
    ] as const;
    const length = `Content-Length: ${2 ** 48}\r\n`;
    const requests = refusals.flatMap(([authorization, expected]) =>
      [length, `${length}Expect: 100-continue\r\n`].map((framing) => ({ head: authorization + framing, expected })),
    );
    await Promise.all(
      requests.map(async ({ head, expected }) => {
        const socket = await at.open();
        let answer = "";
        socket.on("data", (data) => {
          answer += data.toString("latin1");
        });
        const closed = new Promise((resolve) => socket.once("close", resolve));
        socket.write(`PUT /v1/files/x?to=ulozto HTTP/1.1\r\nHost: ${at.host}\r\n${head}\r\n`);
        // Not a byte of the body has been sent.
        await closed;
        expect(answer.replace("HTTP/1.1 100 Continue\r\n\r\n", "")).toStartWith(`HTTP/1.1 ${expected} `);
        expect(answer.toLowerCase()).toContain("\r\nconnection: close\r\n");
      }),
    );
    expect(leftovers()).toEqual([]);
  });

  test("senders who leave when they are refused do no harm", async () => {
    const put = `PUT /v1/files/x HTTP/1.1\r\nHost: ${at.host}\r\nContent-Length: ${2 ** 40}\r\n\r\n`;
    const answers = await Promise.all(Array.from({ length: 50 }, () => at.first(put)));
    expect(new Set(answers.map(status))).toEqual(new Set([401]));
    // Longer than a connection lingers.
    await Bun.sleep(1_200);
    expect((await at.fetch("/healthz")).status).toBe(200);
  });

  test("after a short body that is refused the connection goes on", async () => {
    const body = "x".repeat(1000);
    const put = `PUT /v1/files/x HTTP/1.1\r\nHost: ${at.host}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const answer = await at.raw([put, `GET /healthz HTTP/1.1\r\nHost: ${at.host}\r\nConnection: close\r\n\r\n`]);
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 401", "HTTP/1.1 200"]);
  });

  test.each(["", "a.bin"])(
    "a name in the query comes before %p in the path, where curl -T always puts one",
    async (name) => {
      expect((await put(`${name}?to=ulozto&name=q.bin`)).status).toBe(202);
      expect(at.jobs.spooled.at(-1)?.file.name).toBe("q.bin");
    },
  );

  test.each([
    ["", 400],
    ["%zz", 400],
    ["%ff", 400],
    ["a/b", 422],
    ["a%2Fb", 422],
    ["a%00b", 422],
    ["a%0d%0ab", 422],
    ["x".repeat(256), 422],
    ["%C5%BE".repeat(128), 422],
    ["x".repeat(255), 202],
    ["%C5%BE".repeat(127), 202],
  ])("the name %s → %i", async (name, expected) => {
    expect((await put(`${name}?to=ulozto`)).status).toBe(expected);
  });

  test("a name that would climb", async () => {
    expect(status(await at.raw(head("Connection: close\r\n", "%2e%2e?to=ulozto")))).toBe(404);
  });

  test.each(["to=canary", "notBefore=canary", "resumable=canary", "callback=canary", "canary=1", "path=/canary"])(
    "%s is 400 before the body is read, and not repeated",
    async (query) => {
      const text = await at.first(head("Content-Length: 1000\r\n", `x?${query}`));
      expect(status(text)).toBe(400);
      expect(text).not.toContain("canary");
    },
  );

  test.each([
    [99_999, 202],
    [100_000, 202],
    [100_001, 413],
  ])("%i bytes of 100,000 → %i, with a length and in chunks", async (bytes, expected) => {
    const body = "x".repeat(bytes);
    expect((await put("x?to=ulozto", { body })).status).toBe(expected);
    const chunks = `${bytes.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const request = `${head("Transfer-Encoding: chunked\r\nConnection: close\r\n")}${chunks}`;
    expect(status(await at.first(request))).toBe(expected);
    expect(leftovers()).toEqual([]);
  });

  test("a body that never ends is given up", async () => {
    const socket = await at.open();
    let answer = "";
    socket.on("data", (data) => {
      answer += data.toString("latin1");
    });
    socket.write(head("Transfer-Encoding: chunked\r\n"));
    const chunk = `${(10_000).toString(16)}\r\n${"x".repeat(10_000)}\r\n`;
    const timer = setInterval(() => socket.write(chunk), 5);
    await until(() => answer !== "");
    clearInterval(timer);
    socket.destroy();
    expect(status(answer)).toBe(413);
    await until(() => leftovers().length === 0);
  });

  test("a refusal comes before the body", async () => {
    const tooLong = head("Content-Length: 100001\r\n");
    expect(status(await at.first(tooLong))).toBe(413);
    expect(status(await at.first(head("Content-Length: 9\r\nContent-Range: bytes 0-8/10\r\n")))).toBe(400);
    expect(status(await at.first(head("Content-Length: 9\r\n").replace(/Authorization.*\r\n/, "")))).toBe(401);
  });

  test.each(["Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n"])(
    "a body that is cut off leaves nothing behind (%j)",
    async (length) => {
      const before = at.jobs.spooled.length;
      const lines = at.log.length;
      const socket = await at.open();
      socket.write(head(length) + (length.startsWith("C") ? "half" : "4\r\nhalf\r\n"));
      await until(() => leftovers().length === 1);
      socket.destroy();
      await until(() => leftovers().length === 0);
      expect(at.jobs.spooled).toHaveLength(before);
      expect(at.log.slice(lines)).toEqual([]);
    },
  );

  test("an answer of the queue that is no leaves its file to the queue", async () => {
    const { addSpooled } = at.jobs;
    let path = "";
    at.jobs.addSpooled = async (file) => {
      path = file.path;
      throw new Error("no");
    };
    expect((await put("x?to=ulozto")).status).toBe(500);
    expect(existsSync(path)).toBe(true);
    await Bun.file(path).delete();
    at.jobs.addSpooled = addSpooled;
  });

  test("the same key with the same bytes is the same job, with others 422", async () => {
    const headers = { "idempotency-key": "k1" };
    expect((await put("k?to=ulozto", { headers })).status).toBe(202);
    expect((await put("k?to=ulozto", { headers })).status).toBe(200);
    expect((await put("k?to=ulozto", { headers, body: "Content" })).status).toBe(422);
    expect((await put("other?to=ulozto", { headers })).status).toBe(422);
    expect((await put("k?to=ulozto", { headers: { "idempotency-key": "a b" } })).status).toBe(400);
  });

  test("nine at once: the ninth is told to come back, others are not in its way", async () => {
    const sockets = await Promise.all(Array.from({ length: 8 }, () => at.open()));
    for (const socket of sockets) socket.write(head("Content-Length: 4\r\nConnection: close\r\n"));
    await until(() => leftovers().length === 8);
    expect((await put("x?to=ulozto")).status).toBe(503);
    expect((await at.fetch("/v1/jobs")).status).toBe(200);
    const answers = sockets.map(
      (socket) => new Promise<string>((resolve) => socket.once("data", (d) => resolve(`${d}`))),
    );
    for (const socket of sockets) socket.write("done");
    expect((await Promise.all(answers)).map(status)).toEqual(Array(8).fill(202));
    expect((await put("x?to=ulozto")).status).toBe(202);
  });
});
