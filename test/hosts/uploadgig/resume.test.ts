import { expect, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { openSession } from "../../../src/hosts/uploadgig/session.ts";
import { openFile } from "../../../src/io/source.ts";
import { uploadGig } from "../../e2e/stand-in/uploadgig.ts";
import { hostEnv } from "../../support/host-env.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { uploadContext } from "../../support/upload-context.ts";

const RESULT = {
  url: "https://uploadgig.com/file/download/a/a.bin",
  remoteId: "a",
  size: 1,
  md5: null,
  verified: "size",
};

test("a file whose answer was recorded is never sent again", async () => {
  using directory = temporaryDirectory();
  using source = openFile(directory.file("a.bin", "a"), { hash: false });
  // Nobody listens there: any call would fail.
  const session = await openSession(
    { user: "u", password: "p" },
    { baseUrl: "http://127.0.0.1:1", loopback: true },
    hostEnv(),
  );
  const context = uploadContext({ resume: { phase: "stored", checkpoint: RESULT } });
  const result = await session.upload(source, { name: "a.bin", folder: null }, context);
  expect<unknown>(result).toEqual(RESULT);
  expect(context.phases).toEqual([]);
});

test("what was sent of a file that changed meanwhile is not taken for the file by a later try", async () => {
  await using gig = await uploadGig({ password: "p" });
  using directory = temporaryDirectory();
  const path = directory.file("a.bin", "a");
  using source = openFile(path, { hash: false });
  const session = await openSession({ user: gig.user, password: "p" }, { baseUrl: gig.url, loopback: true }, hostEnv());
  const context = uploadContext({
    onPhase(phase) {
      if (phase === "stored") appendFileSync(path, "b");
    },
  });
  const failed = await session.upload(source, { name: "a.bin", folder: null }, context).catch((error) => error);
  expect(failed).toMatchObject({ code: "source", url: expect.stringContaining("/file/download/") });
  expect(context.resume).toBeNull();
});
