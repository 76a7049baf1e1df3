import { join } from "node:path";
import type { Json } from "./lines.ts";
import type { Live } from "./run.ts";
import type { World } from "./world.ts";

/** A running `hoist serve` and a client of it. */
export interface Served {
  readonly url: string;
  readonly token: string;
  readonly live: Live;
  call(method: string, path: string, init?: RequestInit): Promise<Response>;
  /** Queues and gives the job. */
  add(path: string, to: readonly string[], more?: Json): Promise<Json>;
  job(id: string): Promise<Json>;
  /** The job once it has ended. */
  ended(id: string): Promise<Json>;
}

/** Starts the server on a free port; files of the world may be named, and its token may do everything. */
export async function serve(w: World, config = "", args: readonly string[] = []): Promise<Served> {
  const token = `token-${"x".repeat(30)}`;
  const file = w.file(
    "../hoist.toml",
    `${config}\n[[serve.tokens]]\nname = "all"\nsecret = "${token}"
scopes = ["submit", "read", "manage", "delete"]\n`,
  );
  Bun.spawnSync(["chmod", "600", file]);
  const files = join(w.dir, "files");
  w.env.HOIST_SERVE_ROOTS ??= files;
  const live = w.start(["serve", "--listen", "127.0.0.1:0", "--config", file, ...args]);
  await live.until((_, err) => /listening on http/.test(err));
  const url = /listening on (http:\/\/[^\s"]+)/.exec(live.err())?.[1] ?? "";
  const call: Served["call"] = (method, path, init = {}) => {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) headers.set("authorization", `Bearer ${token}`);
    return fetch(`${url}${path}`, { ...init, method, headers });
  };
  const job = async (id: string): Promise<Json> => (await call("GET", `/v1/jobs/${id}`)).json();
  return {
    url,
    token,
    live,
    call,
    async add(path, to, more = {}) {
      const response = await call("POST", "/v1/jobs", {
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ path, to, ...more }),
      });
      const body: Json = await response.json();
      if (response.status !== 202) throw new Error(`${response.status} ${JSON.stringify(body)}`);
      return body;
    },
    job,
    async ended(id) {
      for (const deadline = Date.now() + 20_000; Date.now() < deadline; await Bun.sleep(20)) {
        const now = await job(id);
        if (["done", "failed", "cancelled", "unknown"].includes(now.state)) return now;
      }
      throw new Error(`the job did not end: ${JSON.stringify(await job(id))}`);
    },
  };
}
