import { readFile } from "node:fs/promises";
import { addAccount } from "../config/edit.ts";
import { ACCOUNT_NAME } from "../config/names.ts";
import { configPath } from "../config/paths.ts";
import { thisPlace } from "../config/place.ts";
import { rclonePaths, readRemotes } from "../config/rclone.ts";
import { AppError } from "../errors.ts";
import type { CommandContext } from "./context.ts";
import { checkStep } from "./output/next-step.ts";

/** rclone's name of the one type of remote that is a host of ours. */
const TYPE = "ulozto";

/**
 * Adds an account for each remote of rclone on a host of ours, called like the remote. Those whose name is taken are
 * passed over with a note. Fails with `usage` or `not_found` when there is none to add.
 */
export async function addFromRclone(
  { io, globals, out }: CommandContext,
  file: string | undefined,
  known: ReadonlyMap<string, { readonly inFile: boolean }>,
): Promise<number> {
  const place = thisPlace(io.env);
  const paths = file === undefined ? rclonePaths(place) : [file];
  const remotes = readRemotes(await firstOf(paths), TYPE);
  if (remotes.length === 0) {
    throw new AppError("not_found", `rclone's configuration has no remote of the type ${TYPE}`, {
      hint: "hoist account add asks for everything",
    });
  }
  const { path } = configPath(globals.config, place);
  const taken = new Set([...known].filter(([, { inFile }]) => inFile).map(([name]) => name));
  for (const { name: remote, user, password, apiKey } of remotes) {
    const name = nameFor(remote);
    if (name === null || taken.has(name) || user === "") {
      const why =
        name === null
          ? "its name cannot be one of an account"
          : user === ""
            ? "it has no username"
            : "there is an account of that name";
      out.note(`rclone's remote ${remote} is passed over: ${why}`);
      continue;
    }
    taken.add(name);
    const secrets = { ...(password === null ? {} : { password }), ...(apiKey === null ? {} : { apiKey }) };
    await addAccount(path, { name, host: TYPE, user, secrets });
    out.note(`the account ${name} is added to ${path}; try its login with: ${checkStep(name, globals)}`);
  }
  return 0;
}

async function firstOf(paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    const text = await readFile(path, "utf8").catch(() => null);
    if (text !== null) return text;
  }
  throw new AppError("not_found", `there is no readable configuration of rclone at ${paths.join(" or ")}`, {
    hint: "name it: hoist account add --from-rclone FILE; rclone config file shows where it is",
  });
}

function nameFor(remote: string): string | null {
  const name = remote
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return ACCOUNT_NAME.test(name) ? name : null;
}
