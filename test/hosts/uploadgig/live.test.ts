import { expect, test } from "bun:test";
import { uploadgig } from "../../../src/hosts/uploadgig/index.ts";
import { openFile } from "../../../src/io/source.ts";
import { hostEnv } from "../../support/host-env.ts";
import { temporaryDirectory } from "../../support/temporary.ts";
import { runAttempts, uploadContext } from "../../support/upload-context.ts";

/** The rules for the real host, where no test may go: `fetch` is ours and only says what it was asked for. */
async function upload(action: string, link: string) {
  const asked: string[] = [];
  const fetcher = (async (url: string, init: RequestInit) => {
    asked.push(url);
    await new Response(init.body as ReadableStream).arrayBuffer();
    return asked.length === 1
      ? Response.json({ code: "1", result: { action, cmbs: 10 } })
      : Response.json({ 0: { ok: true, url: link, id: "y", size: 5 } });
  }) as unknown as typeof fetch;
  using directory = temporaryDirectory();
  using source = openFile(directory.file("a", "hello"), { hash: false });
  const session = await uploadgig.open(
    { user: "me", password: "secret" },
    { baseUrl: uploadgig.defaultUrl, loopback: false },
    hostEnv({ fetch: fetcher }),
  );
  const { result, errors } = await runAttempts(session, source, { name: "a", folder: null }, uploadContext(), 1);
  return { asked, result, error: errors[0] };
}

const ACTION = "http://203.0.113.7:81/upload?identity=yyyy";
const LINK = "https://uploadgig.com/file/download/yyyy/a";

test("the action is used as given: plain http, a bare address, port 81", async () => {
  const { asked, result } = await upload(ACTION, LINK);
  expect(asked).toEqual(["https://uploadgig.com/api/get_upload_action", ACTION]);
  expect(result).toEqual({ url: LINK, remoteId: "y", size: 5, md5: null, verified: "size" });
});

test.each(["http://127.0.0.1:81/u?identity=yyyy", "http://169.254.169.254/u", "http://[::1]/u", "ftp://203.0.113.7/u"])(
  "an action at %s gets no byte",
  async (action) => {
    const { asked, error } = await upload(action, LINK);
    expect(error).toMatchObject({ code: "host_protocol", message: expect.not.stringContaining("yyyy") });
    expect(asked.length).toBe(1);
  },
);

test.each(["http://uploadgig.com/f", "https://evil.example/f", "http://127.0.0.1/f", "javascript:alert(1)"])(
  "%s is no link to show",
  async (link) => {
    const { result, error } = await upload(ACTION, link);
    expect(result).toBeNull();
    expect(error).toMatchObject({ code: "outcome_unknown", url: undefined });
  },
);
