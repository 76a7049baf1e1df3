import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { startSandbox } from "../../../src/hosts/sandbox-server.ts";
import { uploadgig } from "../../../src/hosts/uploadgig/index.ts";
import { bytesOf, temporaryDirectory } from "../../support/temporary.ts";

const start = (faults: string[] = [], storeDir: string | null = null) =>
  startSandbox({ hosts: { uploadgig }, port: 0, faults, storeDir });

interface ActionAnswer {
  readonly code: string;
  readonly result: { readonly action: string; readonly cmbs: number };
}
interface UploadAnswer {
  readonly 0: {
    readonly ok: boolean;
    readonly url: string;
    readonly message: string;
    readonly size: number;
    readonly file_name: string;
  };
}

/** One request as it stands, on a connection of its own; the answer's body as JSON. */
async function exchange(url: string, headers: string, body: Uint8Array | string): Promise<unknown> {
  const { hostname, port, pathname, search } = new URL(url);
  const socket = connect(Number(port), hostname, () => {
    socket.write(
      `POST ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: close\r\n${headers}\r\n\r\n`,
    );
    socket.write(body);
  });
  const answer = Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>)).toString();
  return JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
}

const login = (origin: string, headers: string, body: string) =>
  exchange(
    `${origin}/api/get_upload_action`,
    `${headers}\r\nContent-Length: ${Buffer.byteLength(body)}`,
    body,
  ) as Promise<ActionAnswer>;

const FORM = "Content-Type: application/x-www-form-urlencoded";
const PAIRS = "user=me%40example.com&pass=123";

describe("the page's own sample clients", () => {
  test("PHP curl: the login as multipart, the file chunked, its name raw", async () => {
    using directory = temporaryDirectory();
    await using server = await start([], directory.path);
    const part = (name: string, value: string) =>
      `--------------------------4f3c\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const { code, result } = await login(
      server.origin,
      "Accept: */*\r\nContent-Type: multipart/form-data; boundary=------------------------4f3c",
      `${part("user", "me@example.com")}${part("pass", "123")}--------------------------4f3c--\r\n`,
    );
    expect(code).toBe("1");
    expect(result.cmbs).toBeGreaterThan(1);

    const bytes = bytesOf(70_000);
    const chunks = [bytes.subarray(0, 32_768), bytes.subarray(32_768, 65_536), bytes.subarray(65_536)];
    const body = Buffer.concat([
      ...chunks.flatMap((chunk) => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n")]),
      Buffer.from("0\r\n\r\n"),
    ]);
    const answer = (await exchange(
      result.action,
      "Transfer-Encoding: chunked\r\nSlug: Žluť 1.zip",
      body,
    )) as UploadAnswer;
    expect(answer[0]).toMatchObject({ ok: true, file_name: "Žluť 1.zip", size: 70_000 });
    expect(Buffer.from(await (await fetch(answer[0].url)).arrayBuffer()).equals(bytes)).toBe(true);
  });

  test("Python: the login as a form, the file with its length", async () => {
    await using server = await start();
    const { code, result } = await login(server.origin, `Accept: */*\r\n${FORM}`, PAIRS);
    expect(code).toBe("1");
    const answer = (await exchange(result.action, "Slug: My (1).zip\r\nContent-Length: 5", "hello")) as UploadAnswer;
    expect(answer[0]).toMatchObject({ ok: true, file_name: "My (1).zip", size: 5 });
  });

  test.skipIf(Bun.spawnSync(["python3", "-c", "import requests"]).exitCode !== 0)(
    "Python as published, changed in address and login",
    async () => {
      using directory = temporaryDirectory();
      await using server = await start();
      const script = directory.file("sample.py", PYTHON_SAMPLE);
      const file = directory.file("My file.bin", bytesOf(100_001));
      const ran = Bun.spawn(["python3", script, `${server.origin}/api/get_upload_action`, file], { stdout: "pipe" });
      expect(await new Response(ran.stdout).text()).toMatch(
        new RegExp(`^${server.origin}/file/download/[0-9a-f]{16}/My%20file\\.bin\n$`),
      );
    },
  );
});

describe("the simulation", () => {
  test("refuses the password `wrong`, and a login without one", async () => {
    await using server = await start();
    const refused = { code: "0", result: "Email or password was incorrect!" };
    expect((await login(server.origin, FORM, "user=me&pass=wrong")) as unknown).toEqual(refused);
    expect((await login(server.origin, FORM, "user=me")) as unknown).toEqual(refused);
  });

  test("takes an action once, and none it did not give", async () => {
    await using server = await start();
    const { result } = await login(server.origin, FORM, PAIRS);
    const send = (url: string) => exchange(url, "Slug: a\r\nContent-Length: 1", "x") as Promise<UploadAnswer>;
    expect((await send(result.action))[0].ok).toBe(true);
    const refused = { 0: { message: "Invalid identity provided", ok: false } };
    expect((await send(result.action)) as unknown).toEqual(refused);
    expect((await send(`${server.origin}/upload?identity=made-up`)) as unknown).toEqual(refused);
  });

  test("says what the account has left, less what it took", async () => {
    await using server = await start();
    const first = await login(server.origin, FORM, PAIRS);
    const size = 3 * 1_048_576;
    await exchange(first.result.action, `Slug: a\r\nContent-Length: ${size}`, new Uint8Array(size));
    expect((await login(server.origin, FORM, PAIRS)).result.cmbs).toBe(first.result.cmbs - 3);
  });

  test.each([
    ["action=limit", { code: "-3", result: expect.stringContaining("few minutes") }],
    ["action=auth", { code: "0", result: expect.any(String) }],
    ["action=locked", { code: "2", result: expect.any(String) }],
    ["action=small", { code: "1", result: { cmbs: 1 } }],
  ])("%s", async (fault, answer) => {
    await using server = await start([fault]);
    expect(await login(server.origin, FORM, PAIRS)).toMatchObject(answer);
  });

  test.each([
    ["upload=identity", { ok: false, message: "Invalid identity provided" }],
    ["upload=rejected", { ok: false, message: expect.any(String) }],
    ["upload=wrong-size", { ok: true, size: 2 }],
    ["upload=no-url", { ok: true, size: 1 }],
    ["upload=no-ok", { url: expect.any(String), size: 1 }],
  ])("%s", async (fault, entry) => {
    await using server = await start([fault]);
    const { result } = await login(server.origin, FORM, PAIRS);
    const answer = (await exchange(result.action, "Slug: a\r\nContent-Length: 1", "x")) as UploadAnswer;
    expect(answer[0]).toMatchObject(entry);
    expect("url" in answer[0]).toBe(fault !== "upload=no-url" && !("ok" in entry && entry.ok === false));
    expect("ok" in answer[0]).toBe(fault !== "upload=no-ok");
  });
});

/** The page's sample, its address and file from the command line. */
const PYTHON_SAMPLE = `
import sys
import os
import requests

username = 'me@example.com'
password = '123'
fp = sys.argv[2]

action_api_url = sys.argv[1]

r = requests.post(action_api_url, data={
    'user': username,
    'pass': password
}, allow_redirects=True, timeout=10)

try:
    data = r.json()
except requests.ConnectionError:
    print('Unable to get action')
    sys.exit(1)

if data['code'] != '1':
    print(data['result'])
    sys.exit(2)

action = data['result']['action']
cmbs = data['result']['cmbs'] # max file size allowed
if os.stat(fp).st_size/1024/1024 > cmbs:
    print('File too large')
    sys.exit(3)

try:
    r = requests.post(action, data=open(fp, 'rb'), headers={'Slug': os.path.basename(fp)})
except requests.ConnectionError as e:
    print("Upload Failed with unknown reason", str(e))
else:
    result = r.json()['0']

    if result['ok']:  # Upload was successful
        print(result['url'])
    else:  # upload failed
        print(result['message'])
    sys.exit(0)
`;
