import type { EngineListener } from "../core/events.ts";
import type { CliIo } from "./io.ts";
import type { Output } from "./output/output.ts";

/** By platform: the program that opens a page as a click would. The address is an argument, never part of a command. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

/** Opens the page of each captcha that is told of; where that cannot be done the page is still told. */
export function openingPages(
  listen: EngineListener,
  io: Pick<CliIo, "env">,
  out: Pick<Output, "note">,
): EngineListener {
  return (event) => {
    listen(event);
    if (event.type === "captcha" && !openPage(event.url, io.env)) out.note("no program was found that opens the page");
  };
}

/** False when there is no program for it. */
function openPage(url: string, env: CliIo["env"]): boolean {
  const [name, ...args] = OPENERS[process.platform] ?? ["xdg-open"];
  const program = Bun.which(name, { PATH: env.PATH ?? "" });
  if (program === null) return false;
  const opener = Bun.spawn([program, ...args, url], {
    env: { ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  // A browser may live longer than the upload.
  opener.unref();
  return true;
}
