import { describeListen } from "../../config/listen-address.ts";
import type { Config } from "../../config/load.ts";
import { serveListen, serveRoots } from "../../config/serve.ts";
import { readServerAddress } from "../../config/server-address.ts";
import { describeHook } from "../../server/hooks/describe.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { openApp } from "../open-app.ts";

export const hooksList = defineCommand({
  name: "hooks list",
  summary: "show each hook's URL and what to enter in its sender",
  details: ["Secrets are not read, let alone shown."],
  examples: [
    ["hoist hooks list", "what to paste where"],
    ["hoist hooks list --json", "one JSON object per line"],
  ],
  options: {
    format: { type: "choice", choices: ["text", "json"], default: "text", summary: "text or json" },
    json: { type: "flag", summary: "the same as --format json" },
  },
  async run(context, { format, json }) {
    await using app = await openApp(context, { command: "hooks list" });
    const { out } = context;
    const hooks = Object.entries(app.config.hooks);
    const origin = await originOf(app.config, context);
    const roots = (await serveRoots(app.config.serve, context.io.env)).map(({ path }) => path);
    if (hooks.length === 0) out.note("no hooks are configured; see hoist help hooks");
    for (const [index, [name, section]] of hooks.entries()) {
      const described = describeHook(name, section, origin, roots);
      if (json || format === "json") {
        out.json({ v: 1, type: "hook", ...described });
        continue;
      }
      if (index > 0) out.print("");
      out.print(`${name} (${described.preset})  ${described.url}`);
      for (const line of described.setup) out.print(`  ${line}`);
    }
    return 0;
  },
});

/** How a sender reaches the server: as its proxy is called, as it listens now, or as it would. */
async function originOf(config: Config, { io }: CommandContext): Promise<string> {
  const { serve: section, stateDir } = config;
  if (section?.public_url !== undefined) return section.public_url;
  const running = (await readServerAddress(stateDir))?.url;
  if (running !== undefined && !running.startsWith("unix:")) return running;
  const listen = serveListen(section, io.env);
  return listen.kind === "unix" ? "http://127.0.0.1:7411" : `http://${describeListen(listen)}`;
}
