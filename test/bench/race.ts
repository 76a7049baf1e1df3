import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A command of a row: ours or a peer's. */
export interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A file that comes through a pipe on standard input. */
  readonly stdin?: string;
  /** Before each run, not counted. */
  readonly prepare?: () => void;
  /** A process whose CPU time belongs to the row: the sink. */
  readonly beside?: number;
}

/** What one run of a command cost. */
export interface Cost {
  /** Seconds. */
  readonly wall: number;
  /** Seconds of user and system together. */
  readonly cpu: number;
  /** Peak of the resident memory. */
  readonly rssMiB: number;
  /** CPU seconds of the process beside it; 0 where there is none. */
  readonly beside: number;
}

/** Median of each figure. */
export type Costs = ReadonlyMap<string, Cost>;

/** Ticks of /proc/PID/stat in a second; Linux has had no other value for decades. */
const TICKS = 100;

/**
 * Runs every contender once per round, in turn, so that what else the machine does meets all of them. The first round
 * is not counted: it fills the page cache. Fails when a command does.
 */
export async function race(
  measure: string,
  contenders: readonly Contender[],
  rounds: number,
  scratch: string,
): Promise<Costs> {
  const all = new Map<string, Cost[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const contender of contenders) {
      const cost = await run(measure, contender, scratch);
      if (round > 0) all.get(contender.name)?.push(cost);
    }
  }
  return new Map([...all].map(([name, costs]) => [name, medianOf(costs)]));
}

async function run(
  measure: string,
  { name, command, env, stdin, prepare, beside }: Contender,
  scratch: string,
): Promise<Cost> {
  prepare?.();
  const report = join(scratch, "cost");
  const before = beside === undefined ? 0 : cpuOf(beside);
  const measured = [measure, report, ...command];
  const piped = stdin === undefined ? measured : ["sh", "-c", 'cat "$0" | "$@"', stdin, ...measured];
  const running = Bun.spawn(piped, {
    env: { PATH: process.env.PATH ?? "", HOME: scratch, ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const [exitCode, said] = await Promise.all([running.exited, new Response(running.stderr).text()]);
  if (exitCode !== 0) throw new Error(`${name} ended with ${exitCode}: ${said.slice(-2000)}`);
  const [wall = 0, cpu = 0, kib = 0] = readFileSync(report, "utf8").split(" ").map(Number);
  return { wall, cpu, rssMiB: kib / 1024, beside: beside === undefined ? 0 : cpuOf(beside) - before };
}

function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function medianOf(costs: readonly Cost[]): Cost {
  const middle = (pick: (cost: Cost) => number): number => {
    const sorted = costs.map(pick).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  };
  return {
    wall: middle((cost) => cost.wall),
    cpu: middle((cost) => cost.cpu),
    rssMiB: middle((cost) => cost.rssMiB),
    beside: middle((cost) => cost.beside),
  };
}
