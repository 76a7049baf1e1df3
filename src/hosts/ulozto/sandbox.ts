import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { ANY_SECRET, type Sandbox, type SandboxEnv } from "../sandbox.ts";
import { accountRoutes } from "./sandbox-account.ts";
import { batchRoutes } from "./sandbox-batch.ts";
import { blockRoutes } from "./sandbox-blocks.ts";
import { bodyRoutes } from "./sandbox-body.ts";
import { folderRoutes } from "./sandbox-folders.ts";
import { createState, refused } from "./sandbox-state.ts";

/** Understood by every step behind the login: the session has just expired. */
const SESSION = "session";
const MAX_JSON = 1024 * 1024;

/**
 * Ulož.to on loopback, in memory: any login works, with any password or token but `wrong`. Files show once their
 * batch is committed. A captcha (a fault of the step `link`) is solved by opening its page.
 */
export const sandbox: Sandbox = {
  faults: {
    login: ["refused", "token-refused"],
    link: [SESSION, "captcha", "expired", "brief"],
    captcha: [SESSION],
    "block-link": [SESSION, "captcha"],
    register: [],
    block: ["unknown", "rejected", "forgotten"],
    status: ["unknown", "error", "nonsense"],
    upload: ["expired", "rejected", "code-500", "message", "size", "md5"],
    properties: [SESSION, "no-folder"],
    commit: [SESSION, "put-only"],
    "list-folders": [SESSION],
    "create-folder": [SESSION],
    "list-files": [SESSION],
    "rename-folder": [SESSION],
    "move-folders": [SESSION],
    "delete-folders": [SESSION],
    "delete-file": [SESSION],
    "folder-sizes": [SESSION],
    me: [SESSION],
  },
  environment: (baseUrl) => ({
    HOIST_ULOZTO_URL: baseUrl,
    HOIST_ULOZTO_USER: "sandbox",
    HOIST_ULOZTO_TOKEN: ANY_SECRET,
  }),
  app(kit) {
    const state = createState();
    const app = new Hono<SandboxEnv>();
    for (const version of ["/v5/*", "/v6/*", "/v7/*", "/v8/*", "/v9/*"]) {
      app.use(version, bodyLimit({ maxSize: MAX_JSON }), async (c, next) => {
        if (c.req.header("x-auth-token") === undefined) return refused(401, 10_401, "X-Auth-Token is missing.");
        return next();
      });
    }
    return app
      .route("/", accountRoutes(state, kit))
      .route("/", batchRoutes(state, kit))
      .route("/", bodyRoutes(state, kit))
      .route("/", blockRoutes(state, kit))
      .route("/", folderRoutes(state, kit));
  },
};
