import { configPath as pathOf } from "../../config/paths.ts";
import { thisPlace } from "../../config/place.ts";
import { parseDestinations } from "../../core/planning/destinations.ts";
import { defineCommand } from "../command.ts";
import { openApp } from "../open-app.ts";
import { configuredFormat } from "../output/formats.ts";

export const configPath = defineCommand({
  name: "config path",
  summary: "print where the configuration file is",
  details: ["It need not exist: hoist account add makes it."],
  examples: [['"$EDITOR" "$(hoist config path)"', "edit it"]],
  options: {},
  async run({ io, globals, out }) {
    const { path } = pathOf(globals.config, thisPlace(io.env));
    out.print(path);
    return 0;
  },
});

export const configCheck = defineCommand({
  name: "config check",
  summary: "check the configuration",
  details: [
    "Looks at syntax, keys, values, addresses, default destinations and at who can read the file, and at the HOIST_* " +
      "variables that set up accounts. No secret is read and nothing is called; see hoist account check and hoist doctor.",
  ],
  examples: [["hoist config check", "exit code 2 and the first problems when something is wrong"]],
  options: {},
  async run(context) {
    await using app = await openApp(context, { command: "config check" });
    const { path, accounts, up } = app.config;
    parseDestinations(up.to, accounts);
    configuredFormat(up.format);
    context.out.print(path === null ? "no configuration file; the environment is fine" : `${path}: fine`);
    return 0;
  },
});
