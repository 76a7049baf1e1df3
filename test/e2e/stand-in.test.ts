import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import net from "node:net";
import { md5, randomBytes } from "./kit/world.ts";
import { gate } from "./stand-in/fault.ts";
import { type UloztoStandIn, ulozTo } from "./stand-in/ulozto.ts";
import { TEST_API_KEY } from "./stand-in/ulozto-state.ts";
import { type UploadGigStandIn, uploadGig } from "./stand-in/uploadgig.ts";

describe("the stand-in of UploadGig", () => {
  let host: UploadGigStandIn;
  beforeEach(async () => {
    host = await uploadGig({ user: "u", password: "p" });
  });
  afterEach(() => host[Symbol.asyncDispose]());

  const action = async (): Promise<string> => {
    const answer = await fetch(`${host.url}/api/get_upload_action`, {
      method: "POST",
      body: new URLSearchParams({ user: "u", pass: "p" }),
    });
    return ((await answer.json()) as { result: { action: string } }).result.action;
  };
  const send = async (
    url: string,
    body: Uint8Array<ArrayBuffer> | string | ReadableStream,
  ): Promise<{ ok: boolean; message: string; size?: number }> => {
    const answer = await fetch(url, { method: "POST", body, headers: { Slug: "a b.bin" } });
    return ((await answer.json()) as { 0: { ok: boolean; message: string } })[0];
  };

  test("an action takes one body, and only one", async () => {
    const url = await action();
    const bytes = randomBytes(300_000);
    expect(await send(url, bytes)).toMatchObject({ ok: true, size: 300_000 });
    expect(host.files.at(-1)).toMatchObject({ name: "a b.bin", slug: "a b.bin", md5: md5(bytes), framing: "length" });
    expect(await send(url, bytes)).toEqual({ ok: false, message: "Invalid identity provided" });
  });

  test("a chunked body is put together again", async () => {
    const bytes = randomBytes(200_000);
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes.subarray(0, 7));
        controller.enqueue(bytes.subarray(7));
        controller.close();
      },
    });
    await send(await action(), stream);
    expect(host.files.at(-1)).toMatchObject({ size: 200_000, md5: md5(bytes), framing: "chunked" });
  });

  test("a chunked body may arrive a byte at a time", async () => {
    const url = new URL(await action());
    const socket = net.connect(Number(url.port), url.hostname);
    const answer = new Promise<string>((resolve) => socket.once("data", (data) => resolve(String(data))));
    const raw = `POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: x\r\nSlug: s\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n`;
    for (const char of raw) {
      socket.write(char);
      await new Promise(setImmediate);
    }
    expect(await answer).toContain('"size":5');
    expect(host.files.at(-1)?.md5).toBe(md5("abcde"));
    socket.destroy();
  });

  test("a wrong password is a zero in the host's words", async () => {
    const body = new URLSearchParams({ user: "u", pass: "x" });
    const answer = await fetch(`${host.url}/api/get_upload_action`, { method: "POST", body });
    expect(await answer.json()).toEqual({ code: "0", result: "Email or password was incorrect!" });
  });

  test("a connection breaks at the byte that was asked for", async () => {
    host.fault("body", { breakAt: 1_000_003 });
    await expect(send(await action(), new Uint8Array(30_000_000))).rejects.toThrow();
    expect(host.of("body").at(-1)).toMatchObject({ received: 1_000_003, complete: false, status: null });
  });

  test("an answer that is lost after storing leaves the file there", async () => {
    const before = host.files.length;
    host.fault("body", { breakAt: "answer" });
    await expect(send(await action(), "abc")).rejects.toThrow();
    expect(host.files.length).toBe(before + 1);
  });

  test("a gate holds a body until it is opened", async () => {
    const held = gate();
    host.fault("body", { gate: held, gateAt: 2 });
    const sent = send(await action(), "abcd");
    await held.reached;
    expect(host.of("body").at(-1)?.received).toBe(2);
    held.open();
    expect(await sent).toMatchObject({ ok: true, size: 4 });
  });
});

describe("the stand-in of Ulož.to", () => {
  let host: UloztoStandIn;
  let session: string;
  beforeEach(async () => {
    session = "";
    host = await ulozTo({ login: "me", token: "t" });
    const answer = await call("POST", "/v6/auth/token", { login: "me", token: "t", device_id: "d" });
    session = answer.token_id;
  });
  afterEach(() => host[Symbol.asyncDispose]());

  // biome-ignore lint/suspicious/noExplicitAny: answers of the stand-in, checked by the tests
  const call = async (method: string, path: string, json?: unknown): Promise<any> => {
    const headers: Record<string, string> = { "X-Auth-Token": TEST_API_KEY, "Content-Type": "application/json" };
    if (session) headers["X-User-Token"] = session;
    const answer = await fetch(`${host.url}${path}`, {
      method,
      headers,
      ...(json ? { body: JSON.stringify(json) } : {}),
    });
    return { ...((await answer.json()) as object), http: answer.status };
  };
  const upload = async (url: string, number: number, form: FormData) => {
    const answer = await fetch(`${url}&batch_file_id=${number}&is_porn=false`, { method: "POST", body: form });
    return (await answer.json()) as { slug: string; md5: string; return_code: number };
  };
  const formOf = (bytes: Uint8Array<ArrayBuffer>, name = "x.bin") => {
    const form = new FormData();
    form.set("file", new File([bytes], name));
    return form;
  };
  const link = () => call("POST", "/v5/upload/link", { user_login: "me", realm: "ulozto" });

  test("a file is seen after its batch is confirmed, and not before", async () => {
    const bytes = randomBytes(100_000);
    bytes.set(Buffer.from("\r\n\r\n--\r\n"), 0);
    const { upload_url: url, private_slug: batch } = await link();
    const stored = await upload(url, 1, formOf(bytes));
    expect(stored.md5).toBe(md5(bytes));
    const pairs = { slugs: [stored.slug], upload_tokens: { [stored.slug]: `${batch}:1` } };
    await call("PATCH", "/v8/file-list/private", { ...pairs, folder_slug: host.state.root, name: "ž.bin" });
    expect(host.files.length).toBe(0);
    const commit = { status: "confirmed", owner_login: "me" };
    expect(await call("PATCH", `/v8/upload-batch/private/${batch}`, commit)).toMatchObject({ http: 200 });
    expect(host.files).toMatchObject([{ name: "ž.bin", size: 100_000, md5: md5(bytes) }]);
    expect(await call("PATCH", `/v8/upload-batch/private/${batch}`, commit)).toMatchObject({ http: 400 });
    expect(host.violations).toEqual([]);
  });

  test("what a strict host objects to is noted", async () => {
    const { upload_url: url, private_slug: batch } = await link();
    const stored = await upload(url, 1, formOf(new Uint8Array(3)));
    await upload(url, 1, formOf(new Uint8Array(4)));
    await fetch(`${url}&batch_file_id=2&is_porn=false`, {
      method: "POST",
      body: formOf(new Uint8Array(1)),
      headers: { "X-User-Token": "s" },
    });
    await call("PATCH", "/v8/file-list/private", { slugs: [stored.slug], upload_tokens: {}, folder_slug: "f" });
    await call("PATCH", `/v8/upload-batch/private/${batch}`, { status: "confirmed", owner_login: "me" });
    await call("PATCH", "/v8/upload-batch/private/none", { status: "confirmed", owner_login: "me" });
    const noted = host.violations.splice(0).join("\n");
    for (const text of ["number 1 is used twice", "x-user-token leaks", "no pairs", "has no folder", "unknown batch"]) {
      expect(noted).toContain(text);
    }
  });

  test("no session, no work: 70001", async () => {
    const known = session;
    session = "gone";
    expect(await call("GET", "/v5/me")).toMatchObject({ http: 401, error: 70001 });
    session = known;
    expect(await call("GET", "/v5/me")).toMatchObject({ user: { login: "me" } });
  });

  test("folders come in pages of at most 500", async () => {
    const parent = host.folder("/many");
    for (let n = 0; n < 1201; n += 1) host.state.folders.push({ slug: `s${n}`, name: `n${n}`, parent });
    const page = (offset: number, limit: number) =>
      call("GET", `/v9/user/me/folder/${parent}/folder-list?status=ok&limit=${limit}&offset=${offset}`);
    expect((await page(1000, 500)).subfolders.length).toBe(201);
    expect((await page(0, 501)).http).toBe(422);
  });

  test("a captcha stands before the link until a person has solved it", async () => {
    host.requireCaptcha();
    const wall = await link();
    expect(wall.http).toBe(401);
    const body = { user_login: "me", realm: "ulozto", captcha_token: wall.data.captcha_token };
    const page = await call("POST", `/v5/captcha/${body.captcha_token}/url`, {});
    expect(page.url).toContain("/captcha/");
    expect((await call("POST", "/v5/upload/link", body)).http).toBe(401);
    host.solveCaptcha();
    expect((await call("POST", "/v5/upload/link", body)).http).toBe(200);
  });

  test("blocks are counted, and a missing one is named", async () => {
    const got = await call("POST", "/v6/upload/link", { user_login: "me" });
    const base = `${got.upload_resumable_base_url}/v1/chunked-file-upload`;
    const block = 4 * 1024 * 1024;
    const json = {
      batch_file_id: 1,
      upload_signature: got.upload_signature,
      name: "b",
      filesize: block + 5,
      chunksize: block,
    };
    await fetch(base, { method: "POST", body: JSON.stringify({ ...json, crc32: null }) });
    const put = (id: number, size: number) =>
      fetch(`${base}/${got.private_slug}/1/${id}`, {
        method: "POST",
        body: new Uint8Array(size),
        headers: { "Content-Type": "application/octet-stream" },
      });
    const status = async () => (await fetch(`${base}/${got.private_slug}/1/status`)).json();
    await put(2, 5);
    expect(await status()).toMatchObject({ status: "processing", missing_chunks: [1] });
    await put(1, block);
    expect(await status()).toMatchObject({ status: "finished", missing_chunks: [] });
    expect(host.violations).toEqual([]);
  });
});
