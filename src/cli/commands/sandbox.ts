import { exitOfStop } from "../../core/stop.ts";
import { COMMON_FAULTS } from "../../hosts/sandbox-faults.ts";
import { shellWord } from "../../safe-text.ts";
import { readCount } from "../argv/read-values.ts";
import { defineCommand } from "../command.ts";

const loadHosts = async () => (await import("../../hosts/registry.ts")).HOSTS;

export const sandbox = defineCommand({
  name: "sandbox",
  summary: "both hosts, simulated on this machine",
  details: async () => [
    "Serves simulations of the hosts on 127.0.0.1 until it is stopped, and prints the environment that makes hoist " +
      "(in another terminal) use them. Their uploads never mix with those to the real hosts.",
    "Any user is known there, with any password, token or API key; the password or token “wrong” is refused.",
    "A fault is STEP=FAULT or STEP=FAULT:N, for the next N requests of the step (* is always); the host may stand in " +
      "front: ulozto.upload=reset:2.",
    ["Steps, and the faults that only they have:", ...(await stepLines())].join("\n"),
    ["Faults of every step:", ...Object.entries(COMMON_FAULTS).map(row)].join("\n"),
  ],
  examples: [
    ["hoist sandbox", "print what to paste into another terminal, and serve"],
    ["hoist sandbox --port 7400 --store received", "on a port of your choice; keep what is uploaded"],
    ["hoist sandbox --fault upload=503:2 --fault action=limit", "see how hoist takes it when things go wrong"],
  ],
  options: {
    port: { type: "value", hint: "N", summary: "port on 127.0.0.1 (default: a free one)" },
    fault: { type: "list", hint: "STEP=FAULT[:N]", summary: "let requests go wrong; see above" },
    store: { type: "value", hint: "DIR", summary: "keep the uploaded files there (default: keep none)" },
  },
  async run({ io, out }, values) {
    const port = readCount("--port", values.port, { min: 0, max: 65_535 }) ?? 0;
    const { startSandbox } = await import("../../hosts/sandbox-server.ts");
    await using server = await startSandbox({
      hosts: await loadHosts(),
      port,
      faults: values.fault,
      storeDir: values.store ?? null,
      observe: ({ method, target, status }) =>
        out.debug(`${method} ${target.replace(/\?.*/s, "")} → ${status ?? "connection broken"}`),
    });
    for (const [name, value] of Object.entries(server.environment)) out.print(`export ${name}=${shellWord(value)}`);
    out.note(`serving both hosts on ${server.origin}; Ctrl-C ends it`);
    await stopped(io.signal);
    return exitOfStop(io.signal) ?? 0;
  },
});

async function stepLines(): Promise<string[]> {
  const hosts = Object.entries(await loadHosts());
  const lines = await Promise.all(
    hosts.map(async ([id, host]) =>
      Object.entries((await host.sandbox()).faults).map(([step, faults]) => row([`${id}.${step}`, faults.join(" ")])),
    ),
  );
  return lines.flat();
}

function row([left, right]: readonly [string, string]): string {
  return `  ${left.padEnd(22)}  ${right}`.trimEnd();
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
