import { expect, test } from "bun:test";
import { requestOnSite } from "../../src/http/redirect.ts";
import { formBody } from "../../src/io/body.ts";

interface Call {
  readonly url: string;
  readonly method: string | undefined;
  readonly body: string;
}

/** Follows `locations` from `start`; the addresses asked, and what came of it. */
async function follow(start: string, locations: readonly string[], loopback = false, status = 307) {
  const calls: Call[] = [];
  const answers = locations.map((location) => new Response(null, { status, headers: { Location: location } }));
  const fetcher = (async (url: string, init: RequestInit) => {
    calls.push({ url, method: init.method, body: await new Response(init.body as ReadableStream).text() });
    return answers[calls.length - 1] ?? new Response("done");
  }) as unknown as typeof fetch;
  const outcome = await requestOnSite(
    fetcher,
    {
      method: "POST",
      url: start,
      body: formBody({ user: "me", pass: "s3cret" }),
      signal: new AbortController().signal,
      limits: { connectMs: 1000, idleMs: 1000, answerMs: 1000 },
    },
    { loopback },
  ).then(
    (answer) => answer.text,
    (error) => error,
  );
  return { calls, outcome };
}

const START = "https://uploadgig.com/api/get_upload_action";

test.each([301, 302, 303, 307, 308])("%i keeps method and body, three times", async (status) => {
  const { calls, outcome } = await follow(START, ["/a", "b?c=d", "https://www.uploadgig.com/e"], false, status);
  expect(outcome).toBe("done");
  expect(calls.map((call) => call.url)).toEqual([
    START,
    "https://uploadgig.com/a",
    "https://uploadgig.com/b?c=d",
    "https://www.uploadgig.com/e",
  ]);
  for (const { method, body } of calls) expect([method, body]).toEqual(["POST", "user=me&pass=s3cret"]);
});

test.each([
  ["from www. to the name itself", "https://www.uploadgig.com/x", "https://uploadgig.com/x"],
  ["to the port that https means", START, "https://uploadgig.com:443/x"],
])("%s", async (_, start, location) => {
  expect((await follow(start, [location])).outcome).toBe("done");
});

test.each([
  ["http", START, "http://uploadgig.com/x"],
  ["another name", START, "https://evil.example/x"],
  ["a name that ends alike", START, "https://eviluploadgig.com/x"],
  ["a name above", "https://api.uploadgig.com/x", "https://uploadgig.com/x"],
  ["another port", START, "https://uploadgig.com:8443/x"],
  ["user information", START, "https://a:b@uploadgig.com/x"],
  ["a script", START, "javascript:alert(1)"],
  ["a file", START, "file:///etc/passwd"],
  ["no address", START, "https://"],
])("%s is not followed, and not quoted", async (_, start, location) => {
  const { calls, outcome } = await follow(start, [location]);
  expect(outcome).toMatchObject({ code: "host_protocol", retry: { again: false } });
  expect(calls.length).toBe(1);
  expect(outcome.message).not.toContain("/x");
});

test("a fourth redirect is too many", async () => {
  const { calls, outcome } = await follow(START, ["/1", "/2", "/3", "/4"]);
  expect(outcome).toMatchObject({ code: "host_protocol" });
  expect(calls.length).toBe(4);
});

test("a loopback endpoint may stay on http, on its own port", async () => {
  const start = "http://127.0.0.1:8080/api";
  expect((await follow(start, ["http://127.0.0.1:8080/x"], true)).outcome).toBe("done");
  for (const elsewhere of ["http://127.0.0.1:8081/x", "http://localhost:8080/x", "https://uploadgig.com/x"]) {
    expect((await follow(start, [elsewhere], true)).outcome).toMatchObject({ code: "host_protocol" });
  }
});
