import { access, constants } from "node:fs/promises";
import type { App } from "../../app.ts";
import { describeListen } from "../../config/listen-address.ts";
import { type Environment, thisPlace, variable } from "../../config/place.ts";
import { resolveServe } from "../../config/serve.ts";
import type { Root } from "../../core/serving/jobs.ts";
import { toAppError } from "../../errors.ts";
import { buildSettings } from "../../server/settings.ts";
import { type Finding, failed } from "./finding.ts";

const CHECK = "server configuration";

/**
 * What `hoist serve` would say of its configuration, secrets read as it reads them; nothing listens and no token is
 * made. Nothing at all where nobody has set up a server.
 */
export async function* serveConfig(app: App, env: Environment): AsyncGenerator<Finding> {
  const { config } = app;
  const inFile = config.serve !== undefined || config.notify.length > 0 || Object.keys(config.hooks).length > 0;
  const inEnv = Object.keys(env).some((name) => name.startsWith("HOIST_SERVE_") && variable(env, name) !== undefined);
  if (!inFile && !inEnv) return;
  try {
    const place = thisPlace(env);
    const serve = await resolveServe({ section: config.serve, configPath: config.path, place, flags: {} });
    const { allRoots, hooks } = await buildSettings({ config, serve, tokens: serve.tokens, env });
    await app.outboxConfig(config, serve);
    for (const text of serve.warnings) yield { check: CHECK, state: "warning", text };
    for (const root of allRoots) yield* rights(root);
    const parts = [
      `listens on ${describeListen(serve.listen)}`,
      `tokens: ${serve.tokens.length === 0 ? "its own" : serve.tokens.map(({ name }) => name).join(", ")}`,
      ...(hooks.size === 0 ? [] : [`hooks: ${[...hooks.keys()].join(", ")}`]),
    ];
    yield { check: CHECK, state: "ok", text: parts.join("; ") };
  } catch (thrown) {
    yield failed(CHECK, toAppError(thrown));
  }
}

/** What whoever runs this may not do with a root; one that is not there has been told of. */
async function* rights({ path, write }: Root): AsyncGenerator<Finding> {
  const needed = constants.R_OK | constants.X_OK | (write ? constants.W_OK : 0);
  const code = await access(path, needed).then(
    () => null,
    (error: NodeJS.ErrnoException) => error.code,
  );
  if (code === null || code === "ENOENT") return;
  yield {
    check: CHECK,
    state: "warning",
    text: `this user cannot ${write ? "read and change" : "read"} the root ${path}`,
    hint: "files below it are refused; run the server as somebody who can, or change its rights",
  };
}
