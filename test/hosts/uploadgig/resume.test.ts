import { expect, test } from "bun:test";
import { openSession } from "../../../src/hosts/uploadgig/session.ts";
import { openFile } from "../../../src/io/source.ts";
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
