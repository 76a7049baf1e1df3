import { expect, test } from "bun:test";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { encodeSlug } from "../../../src/hosts/uploadgig/slug.ts";

/** Full Unicode, lone surrogates, control characters and blanks at the ends. */
const names = fc.string({
  unit: fc.oneof(
    fc.string({ unit: "binary", maxLength: 1 }),
    fc.constantFrom("\ud800", "\udc00", "\r\n", "\0", " ", "%", "%41"),
  ),
  minLength: 1,
  maxLength: 60,
});

test.each([
  ["plain-name_1.tar.gz", "plain-name_1.tar.gz"],
  [`with blanks & "quotes" 'x' \\ ;,.zip`, `with blanks & "quotes" 'x' \\ ;,.zip`],
  ["100%25.bin", "100%25.bin"],
  ["100 % žluť.bin", "100 %25 %C5%BElu%C5%A5.bin"],
  [" both ends ", "%20both ends%20"],
  [" ", "%20"],
  ["žluť.bin", "%C5%BElu%C5%A5.bin"],
  ["😀", "%F0%9F%98%80"],
  ["a\r\nX-Evil: 1\0", "a%0D%0AX-Evil: 1%00"],
  ["\u007f~", "%7F~"],
])("%j becomes %j", (name, slug) => expect(encodeSlug(name)).toBe(slug));

test("any name is printable ASCII, as it is or decoding to itself", () => {
  fc.assert(
    fc.property(names, (name) => {
      const slug = encodeSlug(name);
      if (!/^[\x20-\x7e]*$/.test(slug) || slug.trim() !== slug) return false;
      return slug === name || decodeURIComponent(slug) === name.toWellFormed();
    }),
    { numRuns: 10_000 },
  );
});

test("any name arrives as it was encoded", async () => {
  const server = createServer((request, response) => response.end(request.headers.slug));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    await fc.assert(
      fc.asyncProperty(names, async (name) => {
        const slug = encodeSlug(name);
        expect(await (await fetch(url, { headers: { Slug: slug } })).text()).toBe(slug);
      }),
      { numRuns: 300 },
    );
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
