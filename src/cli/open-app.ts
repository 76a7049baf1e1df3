import type { App } from "../app.ts";
import type { EngineListener } from "../core/events.ts";
import type { CommandContext } from "./context.ts";

/** Reads the configuration and builds the engine; nothing is called yet. Fails with `config`. */
export async function openApp(
  { io, globals, out }: CommandContext,
  options: { readonly command: string; readonly history?: boolean; readonly listen?: EngineListener },
): Promise<App> {
  const app = await io.openApp({
    flags: { config: globals.config, stateDir: globals.stateDir },
    env: io.env,
    command: `hoist ${options.command}`,
    history: options.history ?? true,
    listen: options.listen ?? (() => {}),
    log: (message) => out.debug(message),
  });
  for (const warning of app.config.warnings) out.warning(warning);
  return app;
}
