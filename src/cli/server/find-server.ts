import { stateDirectory } from "../../config/paths.ts";
import { thisPlace, variable } from "../../config/place.ts";
import { readServerAddress, readServerToken } from "../../config/server-address.ts";
import { secretOfVariable } from "../../config/variable-secret.ts";
import { AppError } from "../../errors.ts";
import type { Options } from "../argv/options.ts";
import type { CommandContext } from "../context.ts";

/** Of every command that talks to a server. */
export const SERVER_OPTIONS = {
  server: {
    type: "value",
    hint: "URL|unix:PATH",
    summary: "the server to ask (default: HOIST_SERVER, else that of the state directory)",
    group: "Server",
  },
} as const satisfies Options;

export interface Server {
  readonly where: string;
  /** Without a slash at its end. */
  readonly base: string;
  readonly socket: string | null;
  readonly token: string | null;
  /** That of this state directory. */
  readonly isLocal: boolean;
}

/** The server that is meant by option, environment or state directory. Fails with `usage`, `config` or `network`. */
export async function findServer(
  env: CommandContext["io"]["env"],
  stateDirFlag: string | undefined,
  asked: string | undefined,
): Promise<Server> {
  const stateDir = stateDirectory(stateDirFlag, thisPlace(env));
  const named = asked ?? variable(env, "HOIST_SERVER");
  const local = (await readServerAddress(stateDir))?.url ?? null;
  const text = named ?? local;
  if (text === null) {
    throw new AppError("network", "no server runs on this state directory", {
      hint: "start one with: hoist serve; or name one with --server",
    });
  }
  const address = parseAddress(text, asked === undefined ? "HOIST_SERVER" : "--server");
  const own = (await secretOfVariable("HOIST_TOKEN", env)) ?? null;
  // The token of this machine's server is for nobody else.
  const isLocal = local !== null && parseAddress(local, "").where === address.where;
  const token = own ?? (isLocal ? await localToken(stateDir, env) : null);
  return { ...address, token, isLocal };
}

async function localToken(stateDir: string, env: CommandContext["io"]["env"]): Promise<string | null> {
  return (await secretOfVariable("HOIST_SERVE_TOKEN", env)) ?? (await readServerToken(stateDir));
}

function parseAddress(text: string, what: string): Omit<Server, "token" | "isLocal"> {
  if (text.startsWith("unix:")) {
    const socket = text.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
    if (socket.startsWith("/")) return { where: `unix:${socket}`, base: "http://localhost", socket };
  } else {
    const url = URL.canParse(text) ? new URL(text) : null;
    const plain = url !== null && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
    if (plain && (url.protocol === "http:" || url.protocol === "https:")) {
      const base = url.href.replace(/\/+$/, "");
      return { where: base, base, socket: null };
    }
  }
  throw new AppError(what === "--server" ? "usage" : "config", `${what} is no address of a server`, {
    hint: "write http://127.0.0.1:7411 or unix:/run/hoist/hoist.sock",
  });
}
