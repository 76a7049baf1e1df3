import type { CliIo } from "./io.ts";

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

const ERASE_LINE_END = "\x1b[K";
const ERASE_BELOW = "\x1b[J";

export function createTerminal({ stdout, stderr }: Pick<CliIo, "stdout" | "stderr">): Terminal {
  let pinned: readonly string[] = [];
  const columns = () => stderr.columns || 80;

  /** To the first pinned row. A narrower terminal has wrapped what was drawn when it was wider. */
  const home = () => {
    const rows = pinned.reduce((sum, line) => sum + Math.max(1, Math.ceil(Bun.stringWidth(line) / columns())), 0);
    return rows > 1 ? `\r\x1b[${rows - 1}A` : "\r";
  };
  const drawn = () => pinned.map((line) => line + ERASE_LINE_END).join("\n");
  const erase = () => home() + ERASE_BELOW;

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
      const before = pinned.length === 0 ? "" : home();
      pinned = lines;
      if (before !== "" || lines.length > 0) stderr.write(before + drawn() + ERASE_BELOW);
    },
  };
}
