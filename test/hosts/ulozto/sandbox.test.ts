import { describe, expect, test } from "bun:test";
import type { RemoteFolders } from "../../../src/hosts/host.ts";
import { type RunningSandbox, type SandboxExchange, startSandbox } from "../../../src/hosts/sandbox-server.ts";
import { ulozto } from "../../../src/hosts/ulozto/index.ts";
import { bytesOf, temporaryDirectory } from "../../support/temporary.ts";
import { createUploader, type Uploader } from "./harness.ts";

interface Scene extends AsyncDisposable {
  readonly server: RunningSandbox;
  readonly seen: readonly SandboxExchange[];
  readonly uploader: Uploader;
  calls(path: string): readonly SandboxExchange[];
}

async function scene(
  faults: string[] = [],
  secret: { token?: string; password?: string } = { token: "t" },
): Promise<Scene> {
  const store = temporaryDirectory();
  const seen: SandboxExchange[] = [];
  const server = await startSandbox({
    hosts: { ulozto },
    port: 0,
    faults,
    storeDir: store.path,
    observe: (exchange) => seen.push(exchange),
  });
  const uploader = await createUploader((env) =>
    ulozto.open({ user: "sandbox", ...secret }, { baseUrl: server.origin, loopback: true }, env),
  );
  return {
    server,
    seen,
    uploader,
    calls: (path) => seen.filter(({ target }) => target.includes(path)),
    async [Symbol.asyncDispose]() {
      uploader[Symbol.dispose]();
      await server.stop();
      store[Symbol.dispose]();
    },
  };
}

const commits = (s: Scene) => s.calls("/upload-batch/").map(({ method, status }) => [method, status]);
const never = new AbortController().signal;

describe("Ulož.to's simulation", () => {
  test("takes files that can be downloaded by their links", async () => {
    await using s = await scene();
    const bytes = bytesOf(300_000);
    const { result } = await s.uploader.upload("Žluť 50%.bin", bytes, { folder: "/A/B" });
    expect(result?.url).toStartWith(`${s.server.origin}/ulozto/file/`);
    const got = await fetch(result?.url ?? "");
    expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true);
    expect(await s.uploader.session.existing?.({ folder: "/A/B", name: "Žluť 50%.bin" }, 300_000, never)).toEqual({
      url: result?.url ?? "",
      remoteId: result?.remoteId ?? "",
    });
  });

  test("hides a file until its commit", async () => {
    await using s = await scene(["commit=503:*"]);
    await s.uploader.upload("a", 10, { retries: 0 });
    expect(await s.uploader.session.existing?.({ folder: "/", name: "a" }, 10, never)).toBeNull();
  });

  test("knows every login and secret but `wrong`", async () => {
    await using token = await scene([], { token: "wrong" });
    expect((await token.uploader.upload("a", 10)).error).toMatchObject({ code: "host_auth" });
    await using password = await scene([], { password: "wrong" });
    expect((await password.uploader.upload("a", 10)).error).toMatchObject({ code: "host_auth" });
    await using any = await scene([], { password: "any" });
    expect((await any.uploader.upload("a", 10)).error).toBeNull();
    expect(await any.uploader.session.check?.(never)).toMatchObject({ login: "sandbox" });
  });

  test("lets a captcha be solved by opening its page", async () => {
    await using s = await scene(["link=captcha:2"]);
    let polls = 0;
    const { error, pages } = await s.uploader.upload("a", 10, {
      person: async (page) => {
        polls += 1;
        if (polls === 3) expect((await fetch(page)).status).toBe(200);
      },
    });
    expect(error).toBeNull();
    expect(pages.length).toBe(2);
    expect(polls).toBe(3);
    expect((await s.uploader.upload("b", 10)).pages).toEqual([]);
  });

  test("confirms a batch once, and says so the second time", async () => {
    await using s = await scene(["commit=lost"]);
    expect((await s.uploader.upload("a", 10)).error).toBeNull();
    expect(commits(s)).toEqual([
      ["PATCH", null],
      ["PATCH", 400],
    ]);
  });

  test("refuses what no client may do", async () => {
    await using s = await scene();
    const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
      const answer = await fetch(s.server.origin + path, {
        method,
        headers: { "X-Auth-Token": "key", "Content-Type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
    };
    const bare = await fetch(`${s.server.origin}/v5/me`);
    expect(bare.status).toBe(401);
    expect(await call("GET", "/v5/me")).toMatchObject({ status: 401, json: { error: 70_001 } });
    const { json: login } = await call("PUT", "/v6/session", { login: "me", password: "pw" });
    const session = { "X-User-Token": String(login.token_id) };
    const root = (login.session as { user: { root_folder_slug: string } }).user.root_folder_slug;
    const folders = `/v9/user/me/folder/${root}/folder-list`;
    expect(await call("GET", `${folders}?limit=501`, undefined, session)).toMatchObject({ status: 422 });
    expect(await call("GET", folders.replace(root, "none"), undefined, session)).toMatchObject({
      json: { error: 30_001 },
    });
    const { json: link } = await call("POST", "/v5/upload/link", { user_login: "me", realm: "ulozto" }, session);
    const slug = String(link.private_slug);
    const confirm = { status: "confirmed", owner_login: "me" };
    expect(await call("PATCH", `/v8/upload-batch/private/${slug}`, confirm, session)).toMatchObject({ status: 400 });

    const send = async (query: string) => {
      const form = new FormData();
      form.set("file", new Blob(["hello"]), "my.txt");
      return (await fetch(`${link.upload_url}${query}`, { method: "POST", body: form })).json() as Promise<{
        return_code: number;
        slug: string;
        md5: string;
      }>;
    };
    const stored = await send("&batch_file_id=1&is_porn=false");
    expect(stored).toMatchObject({
      size: 5,
      md5: "5d41402abc4b2a76b9719d911017c592",
      message: "Done",
      return_code: 200,
    });
    for (const query of ["&batch_file_id=1&is_porn=false", "&batch_file_id=0&is_porn=false", "&batch_file_id=2"]) {
      expect(await send(query)).toMatchObject({ return_code: 400 });
    }
    expect(await call("PATCH", `/v8/upload-batch/private/${slug}`, confirm, session)).toMatchObject({ status: 400 });
    const file = `/v8/file/${stored.slug}/private`;
    expect(await call("PATCH", file, { folder_slug: root }, session)).toMatchObject({ status: 403 });
    const bulk = { slugs: [stored.slug], folder_slug: root };
    const tokens = { [stored.slug]: `${slug}:1` };
    expect(await call("PATCH", "/v8/file-list/private", { ...bulk, upload_tokens: {} }, session)).toMatchObject({
      status: 403,
    });
    expect(await call("PATCH", "/v8/file-list/private", { ...bulk, upload_tokens: tokens }, session)).toMatchObject({
      status: 200,
      json: [{ name: "my.txt", filesize: 5, extension: "txt" }],
    });
    expect(await call("PATCH", `/v8/upload-batch/private/${slug}`, confirm, session)).toMatchObject({
      status: 200,
      json: { status: "confirmed", files_count_ok: 1 },
    });
  });
});

describe("a fault of the simulation", () => {
  for (const [fault, attempts] of [
    ["login=token-refused", 1],
    ["login=503", 2],
    ["link=session", 1],
    ["link=expired", 1],
    ["link=html", 2],
    ["upload=expired", 1],
    ["upload=code-500", 2],
    ["upload=message", 2],
    ["upload=size", 2],
    ["upload=md5", 2],
    ["upload=lost", 2],
    ["upload=truncated", 2],
    ["properties=no-folder", 2],
    ["properties=lost", 2],
    ["commit=put-only", 1],
    ["commit=truncated", 2],
    ["create-folder=lost", 2],
    ["list-folders=503", 2],
  ] as const) {
    test(`${fault} is met in ${attempts} attempts, and one file is there`, async () => {
      await using s = await scene([fault]);
      const tried = await s.uploader.upload("a", 5000, { folder: "/F" });
      expect(tried.error).toBeNull();
      expect(tried.attempts).toBe(attempts);
      expect(commits(s).filter(([, status]) => status === 200).length).toBe(1);
    });
  }

  for (const [fault, code] of [
    ["login=refused:2", "host_auth"],
    ["link=session:2", "host_auth"],
    ["upload=rejected", "host_rejected"],
    ["upload=expired:2", "host_rejected"],
    ["upload=md5:2", "integrity"],
    ["upload=early-413", "host_rejected"],
    ["properties=422", "host_rejected"],
    ["create-folder=422", "host_rejected"],
    ["commit=503:*", "host_unavailable"],
  ] as const) {
    test(`${fault} is ${code}, and nothing is there`, async () => {
      await using s = await scene([fault]);
      expect((await s.uploader.upload("a", 5000, { folder: "/F", retries: 2 })).error?.code).toBe(code);
      expect(commits(s).filter(([, status]) => status === 200)).toEqual([]);
    });
  }
});

describe("what stands on the simulation", () => {
  test("is listed, moved, renamed, counted, binned and destroyed", async () => {
    await using s = await scene();
    const folders = s.uploader.session.folders as RemoteFolders;
    await s.uploader.upload("a", "12345", { folder: "/F" });
    const root = await folders.root(never);
    const [folder] = await folders.list(root.id, never);
    const made = await folders.create(root.id, "G", never);
    const [file] = await folders.list(folder?.id ?? "", never);
    if (folder === undefined || file === undefined) throw new Error("nothing is listed");
    await folders.change(folder, { name: "H", parent: made.id }, never);
    await folders.change(file, { name: "b", parent: made.id }, never);
    expect((await folders.list(made.id, never)).map(({ kind, name }) => [kind, name])).toEqual([
      ["folder", "H"],
      ["file", "b"],
    ]);
    expect(await folders.byId(folder.id, never)).toMatchObject({ name: "H", parent: made.id });
    expect(await folders.byId(file.id, never)).toMatchObject({ name: "b", size: 5 });
    expect(await folders.usage(root.id, never)).toEqual({ bytes: 5, files: 1, folders: 2 });
    await folders.remove(file, never);
    expect(await folders.list(made.id, never, "file")).toEqual([]);
    expect((await fetch(file.url ?? "")).status).toBe(404);
    await folders.remove(file, never);
    await expect(folders.remove(file, never)).rejects.toMatchObject({ code: "host_rejected" });
    await folders.remove(made, never);
    expect(await folders.list(root.id, never)).toEqual([]);
    await expect(folders.remove(root, never)).rejects.toMatchObject({ code: "host_rejected" });
  });
});
