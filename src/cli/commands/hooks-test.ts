import { readFile } from "node:fs/promises";
import type { Config } from "../../config/load.ts";
import { serveRoots } from "../../config/serve.ts";
import { didYouMean } from "../../core/nearest.ts";
import { AppError, ERROR_CLASSES } from "../../errors.ts";
import { compileHook } from "../../server/hooks/compile.ts";
import { requestOf, sampleRequest } from "../../server/hooks/describe.ts";
import type { Hook } from "../../server/hooks/hook.ts";
import { judgePath } from "../../server/hooks/judge.ts";
import type { HookRequest } from "../../server/hooks/request.ts";
import { describeTrace, type HookTrace, traceHook } from "../../server/hooks/trace.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { openApp } from "../open-app.ts";

/** Bytes; the server takes no more. */
const MOST_PAYLOAD = 64 * 1024;

export const hooksTest = defineCommand({
  name: "hooks test",
  summary: "show what a hook makes of a payload; nothing is queued",
  details: [
    "Shows what every line of when says, the paths found, what they are after rewrite, whether the server may upload " +
      "what stands there, and the job that would be. Without a payload one is made up as the sender would; its file need " +
      "not be there.",
    "The payload is JSON or a form, as the sender posts it. The exit code is 0 when something would be queued or the " +
      "event is passed over, else that of the refusal.",
  ],
  examples: [
    ["hoist hooks test sonarr", "with a payload made up"],
    ["hoist hooks test backup payload.json", "with one that was caught"],
    ["pbpaste | hoist hooks test backup -", "from standard input"],
  ],
  operands: { usage: "<name> [payload|-]", min: 1, max: 2 },
  options: {},
  async run(context) {
    const [name = "", payload] = context.operands;
    await using app = await openApp(context, { command: "hooks test" });
    const hook = await hookNamed(name, app.config, context);
    const madeUp = payload === undefined;
    const request = madeUp ? sample(hook) : requestOf(await bytesOf(payload, context));
    const trace = await traceHook(hook, request, async (path, roots) => judgePath(path, roots, madeUp));
    for (const line of describeTrace(trace)) context.out.print(line);
    return exitOf(trace);
  },
});

async function hookNamed(name: string, config: Config, { io }: CommandContext): Promise<Hook> {
  const { hooks, accounts, up, serve } = config;
  const section = Object.hasOwn(hooks, name) ? hooks[name] : undefined;
  if (section === undefined) {
    const wanted = didYouMean(name, Object.keys(hooks));
    throw new AppError("not_found", `there is no hook "${name}"`, {
      hint: wanted === undefined ? "hoist hooks list shows them" : `did you mean ${wanted}?`,
    });
  }
  const roots = (await serveRoots(serve, io.env)).map(({ path }) => path);
  return compileHook({ name, section, secret: null, accounts, defaults: { to: up.to, roots } });
}

function sample(hook: Hook): HookRequest {
  const request = sampleRequest(hook);
  if (request !== null) return request;
  throw new AppError("usage", `only a real payload can show what the hook ${hook.name} does`, {
    hint: `save one and run: hoist hooks test ${hook.name} payload.json`,
  });
}

async function bytesOf(payload: string, { io }: CommandContext): Promise<Uint8Array> {
  const bytes = payload === "-" ? await collect(io.stdin) : await fileOf(payload);
  if (bytes.byteLength <= MOST_PAYLOAD) return bytes;
  throw new AppError("too_large", "the payload is longer than 64 KiB, which the server does not take");
}

async function fileOf(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    throw new AppError("source", `the payload ${path} cannot be read (${code})`, { cause });
  });
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const read: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    read.push(chunk);
    bytes += chunk.byteLength;
    if (bytes > MOST_PAYLOAD) break;
  }
  return Buffer.concat(read);
}

function exitOf({ outcome, roots }: HookTrace): number {
  if (outcome.kind === "refused") return outcome.error.exit;
  return outcome.kind !== "jobs" || roots.some(({ ok }) => ok) ? 0 : ERROR_CLASSES.source.exit;
}
