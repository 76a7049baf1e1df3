import type { App, AppOptions } from "../app.ts";
import type { CommandContext } from "./context.ts";

/** Reads the configuration and builds the engine; nothing is called yet. Fails with `config`. */
export async function openApp(
  { io, globals, out }: CommandContext,
  options: Pick<AppOptions, "command" | "makesConfig"> & Partial<Pick<AppOptions, "history" | "listen">>,
): Promise<App> {
  const app = await io.openApp({
    flags: { config: globals.config, stateDir: globals.stateDir },
    env: io.env,
    command: `hoist ${options.command}`,
    makesConfig: options.makesConfig ?? false,
    history: options.history ?? true,
    listen: options.listen ?? (() => {}),
    log: (message) => out.debug(message),
  });
  for (const warning of app.config.warnings) out.warning(warning);
  return app;
}
