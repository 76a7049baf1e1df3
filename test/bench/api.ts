/** The calls of both hosts around a body, answered as they want it; the bodies go to `uploads`. */
export interface ApiOptions {
  /** Origin of the sink. */
  readonly uploads: string;
  /** Milliseconds before each answer. */
  readonly delayMs?: number;
}

export interface Api extends AsyncDisposable {
  readonly origin: string;
}

/** Judges nothing: the tests have strict hosts, this one must cost little. */
export function startApi({ uploads, delayMs = 0 }: ApiOptions): Api {
  let batches = 0;
  const json = async (value: unknown) => {
    if (delayMs > 0) await Bun.sleep(delayMs);
    return Response.json(value);
  };
  const login = () => ({
    token_id: "session",
    token_validity_interval: 3600,
    session: { user: { login: "bench", root_folder_slug: "root" } },
  });
  const link = () => {
    batches += 1;
    const batch = `batch${batches}`;
    return {
      upload_url: `${uploads}/form?x=1`,
      private_slug: batch,
      validity_interval: 3600,
      upload_signature: batch,
      upload_resumable_base_url: uploads,
    };
  };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/api/get_upload_action") {
        return json({ code: "1", result: { action: `${uploads}/upload?identity=1`, cmbs: 1e9 } });
      }
      if (pathname === "/v6/auth/token" || pathname === "/v6/session") return json(login());
      if (pathname.endsWith("/upload/link")) return json(link());
      if (pathname === "/v8/file-list/private") {
        const { slugs } = (await request.json()) as { readonly slugs: readonly string[] };
        return json(slugs.map((slug) => ({ slug })));
      }
      if (pathname.startsWith("/v8/file/")) return json({ slug: pathname.split("/")[3] });
      if (pathname.startsWith("/v8/upload-batch/")) return json({ status: "confirmed" });
      if (pathname.endsWith("/folder-list")) return json({ subfolders: [] });
      if (pathname.endsWith("/file-list")) return json({ items: [] });
      return new Response("no such call", { status: 404 });
    },
  });
  return {
    origin: server.url.origin,
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}
