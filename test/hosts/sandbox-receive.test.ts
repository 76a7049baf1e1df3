import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { multipartParts, rawChunks } from "../../src/hosts/sandbox-receive.ts";

function requestOf(bytes: Uint8Array, cuts: readonly number[], type = "multipart/form-data; boundary=XyZ"): Request {
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  const chunks = edges.slice(1).map((end, index) => bytes.slice(edges[index], end));
  return new Request("http://127.0.0.1/", {
    method: "POST",
    headers: { "Content-Type": type },
    body: new ReadableStream({
      start(controller) {
        for (const chunk of chunks) if (chunk.length > 0) controller.enqueue(chunk);
        controller.close();
      },
    }),
  });
}

function fileBody(headers: string, content: Uint8Array, end = "\r\n--XyZ--\r\n"): Uint8Array {
  return Buffer.concat([Buffer.from(`--XyZ\r\n${headers}\r\n\r\n`), content, Buffer.from(end)]);
}

async function read(request: Request) {
  const parts: { field: string; fileName: string | null; type: string | null; content: Buffer }[] = [];
  for await (const { content, ...head } of multipartParts(request)) {
    parts.push({ ...head, content: Buffer.concat(await Array.fromAsync(content)) });
  }
  return parts;
}

const DISPOSITION = 'Content-Disposition: form-data; name="file"; filename="a.bin"';

describe("multipart bodies", () => {
  test("any content comes out as it went in, wherever the network cuts it", async () => {
    const nearBoundary = fc
      .constantFrom("\r\n--XyZ", "\r\n--XyZ-", "\r\n--Xy", "--XyZ--", "\r\n", "-")
      .map((text) => Buffer.from(text));
    const content = fc
      .array(fc.oneof(fc.uint8Array({ maxLength: 40 }), nearBoundary), { maxLength: 6 })
      .map((pieces) => Buffer.concat(pieces))
      // The one thing a sender must never let its content hold.
      .filter((bytes) => !bytes.includes("\r\n--XyZ"));
    await fc.assert(
      fc.asyncProperty(content, fc.array(fc.nat(400), { maxLength: 12 }), async (bytes, cuts) => {
        const body = fileBody(`${DISPOSITION}\r\nContent-Type: text/plain`, bytes);
        expect(await read(requestOf(body, cuts))).toEqual([
          { field: "file", fileName: "a.bin", type: "text/plain", content: Buffer.from(bytes) },
        ]);
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ["a%22b.bin", "a%22b.bin"],
    ['a\\"b\\".bin', 'a"b".bin'],
    ["a\\b.bin", "a\\b.bin"],
    ["ends in \\", "ends in \\"],
    ["žluťoučký kůň 100% 😀.bin", "žluťoučký kůň 100% 😀.bin"],
    ["a; name=b.bin", "a; name=b.bin"],
    ["ž".repeat(255), "ž".repeat(255)],
  ])("the file name %s", async (sent, name) => {
    const body = fileBody(`Content-Disposition: form-data; name="file"; filename="${sent}"`, Buffer.from("x"));
    expect((await read(requestOf(body, [50]))).map((part) => part.fileName)).toEqual([name]);
  });

  test("fields and files stand side by side, and an unread part is skipped", async () => {
    const form = new FormData();
    form.set("kind", "x");
    form.set("file", new Blob(["y".repeat(100_000)]), "y.txt");
    form.set("last", "z");
    const fields: [string, string | null][] = [];
    for await (const part of multipartParts(new Request("http://127.0.0.1/", { method: "POST", body: form }))) {
      fields.push([part.field, part.fileName]);
    }
    expect(fields).toEqual([
      ["kind", null],
      ["file", "y.txt"],
      ["last", null],
    ]);
  });

  test.each([
    ["a part without its end", fileBody(DISPOSITION, Buffer.from("x"), "")],
    ["an end that is cut", fileBody(DISPOSITION, Buffer.from("x"), "\r\n--XyZ")],
    ["headers without their end", Buffer.from(`--XyZ\r\n${DISPOSITION}`)],
    ["headers of 17 KiB", Buffer.from(`--XyZ\r\nX: ${"x".repeat(17 * 1024)}`)],
    ["no boundary at all", Buffer.from("hello")],
    ["nothing", Buffer.alloc(0)],
  ])("%s is refused", async (_, body) => {
    await expect(read(requestOf(body, [3, 9]))).rejects.toMatchObject({ status: 400 });
  });

  test("another content type is refused", async () => {
    await expect(read(requestOf(Buffer.from("{}"), [], "application/json"))).rejects.toMatchObject({ status: 400 });
  });
});

test("a raw body is what arrives, and no body is nothing", async () => {
  const bytes = crypto.getRandomValues(new Uint8Array(1000));
  expect(Buffer.concat(await Array.fromAsync(rawChunks(requestOf(bytes, [1, 500], "a/b"))))).toEqual(
    Buffer.from(bytes),
  );
  expect(await Array.fromAsync(rawChunks(new Request("http://127.0.0.1/", { method: "POST" })))).toEqual([]);
});
