import type { CliIo } from "../io.ts";

/**
 * The one writer to both streams. Pinned lines stay at the bottom of stderr: whatever else is written goes above them.
 * The cursor is never hidden, so no way of dying can leave it hidden.
 */
export interface Terminal {
  /** Columns and rows of stderr. */
  readonly columns: number;
  readonly rows: number;
  /** Whole lines onto stdout. */
  out(text: string): void;
  /** Whole lines onto stderr. */
  err(text: string): void;
  /** Replaces the pinned lines, each narrower than `columns`; none unpins. */
  pin(lines: readonly string[]): void;
}

const ERASE_LINE = "\x1b[2K";
const ERASE_LINE_END = "\x1b[K";

export function createTerminal({ stdout, stderr, env }: Pick<CliIo, "stdout" | "stderr" | "env">): Terminal {
  let pinned: readonly string[] = [];
  const columns = () => stderr.columns || 80;

  /** Rows that the pinned lines take now: most terminals wrap them when they become narrower. */
  const rowsTaken = () =>
    cutsLines(env)
      ? pinned.length
      : pinned.reduce((sum, line) => sum + Math.max(1, Math.ceil(Bun.stringWidth(line) / columns())), 0);
  const drawn = () => pinned.map((line) => line + ERASE_LINE_END).join("\n");
  // Row by row: "erase everything below" makes tmux keep what it erases when that is the whole screen.
  const erase = () => `\r${Array(rowsTaken()).fill(ERASE_LINE).join(up(1))}`;

  return {
    get columns() {
      return columns();
    },
    get rows() {
      return stderr.rows || 24;
    },
    out(text) {
      if (pinned.length === 0 || stdout.isTTY !== true) {
        stdout.write(text);
        return;
      }
      stderr.write(erase());
      stdout.write(text);
      stderr.write(drawn());
    },
    err(text) {
      stderr.write(pinned.length === 0 ? text : erase() + text + drawn());
    },
    pin(lines) {
      const before = rowsTaken();
      if (before === 0 && lines.length === 0) return;
      const extra = Math.max(0, before - Math.max(1, lines.length));
      pinned = lines;
      const overwritten = `\r${up(before - 1)}${lines.length === 0 ? ERASE_LINE : drawn()}`;
      stderr.write(overwritten + `\n${ERASE_LINE}`.repeat(extra) + up(extra));
    },
  };
}

/** xterm, GNU screen and the Linux console cut what no longer fits. Counting wrapped rows there would erase results. */
function cutsLines({ TERM, XTERM_VERSION, STY }: CliIo["env"]): boolean {
  return TERM === "linux" || Boolean(XTERM_VERSION) || Boolean(STY);
}

function up(rows: number): string {
  return rows > 0 ? `\x1b[${rows}A` : "";
}
