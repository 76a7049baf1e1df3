import { formatBytes, formatDuration, formatRate } from "../../core/units.ts";
import { tint } from "./output.ts";

export interface BarFacts {
  /** Safe to show. */
  readonly name: string;
  readonly bytes: number;
  /** Null: not known. */
  readonly size: number | null;
  /** Bytes per second. */
  readonly rate: number;
  /** Shown in place of rate and time left. */
  readonly state: string | null;
}

export interface BarStyle {
  /** Widest line allowed. */
  readonly columns: number;
  readonly color: boolean;
}

const SHORTEST_BAR = 8;
const LONGEST_BAR = 40;
const SHORTEST_NAME = 8;
/** Of what name and bar share. */
const NAME_SHARE = 0.6;
/** Columns of `1023.9 MiB`, `1023.9 MiB/s` and `59 min 59 s left`: what changes does not make the rest jump. */
const BYTES_COLUMNS = 10;
const RATE_COLUMNS = 12;
const LEFT_COLUMNS = 16;

/** One line for each: name, bar, per cent, and as much of bytes, rate and time left as there is room for on all. */
export function drawBars(bars: readonly BarFacts[], { columns, color }: BarStyle): readonly string[] {
  const longest = Math.max(0, ...bars.map(({ name }) => Bun.stringWidth(name)));
  const least = Math.min(longest, Math.max(SHORTEST_NAME, Math.floor(columns * 0.25)));
  // A bar says more than the amounts, and the time left more than a bar.
  const level = DETAILS.findIndex(
    (detail, index) => widest(bars, detail) + 1 + least + (index === 0 ? 1 + SHORTEST_BAR : 0) <= columns,
  );
  const detail = DETAILS[level] ?? (() => "");
  const right = widest(bars, detail);
  const room = Math.max(0, columns - right - 1);
  const shared = Math.min(longest, Math.max(least, Math.floor(room * NAME_SHARE)));
  const free = room - shared - 1;
  const bar = free < SHORTEST_BAR ? 0 : Math.min(LONGEST_BAR, free);
  const name = bar === 0 ? room : Math.min(longest, room - bar - 1);
  return bars.map((facts) =>
    [fit(facts.name, name), ...(bar === 0 ? [] : [tint(color, "cyan", barOf(facts, bar))]), detail(facts)]
      .join(" ")
      .trimEnd(),
  );
}

type Detail = (facts: BarFacts) => string;

function widest(bars: readonly BarFacts[], detail: Detail): number {
  return Math.max(0, ...bars.map((facts) => detail(facts).length));
}

/** From everything there is to say down to the per cent alone. */
const DETAILS: readonly Detail[] = [
  (facts) => `${percent(facts)}  ${amount(facts)} ${facts.state ?? `${rate(facts)} ${left(facts)}`}`,
  (facts) => `${percent(facts)} ${facts.state ?? `${rate(facts)} ${left(facts)}`}`,
  (facts) => `${percent(facts)} ${facts.state === null ? rate(facts) : facts.state}`,
  (facts) => (facts.size === null ? formatBytes(facts.bytes) : percent(facts)),
];

function percent({ bytes, size }: BarFacts): string {
  return size === null ? "    " : `${String(percentOf(bytes, size)).padStart(3)}%`;
}

function amount({ bytes, size }: BarFacts): string {
  const done = formatBytes(bytes).padStart(BYTES_COLUMNS);
  return size === null ? done.padEnd(2 * BYTES_COLUMNS + 4) : `${done} of ${formatBytes(size).padEnd(BYTES_COLUMNS)}`;
}

function rate(facts: BarFacts): string {
  return (facts.rate === 0 ? "" : formatRate(facts.rate)).padStart(RATE_COLUMNS);
}

function left({ bytes, size, rate: perSecond }: BarFacts): string {
  const known = size !== null && perSecond > 0 && size >= bytes;
  return (known ? `${inSeconds(Math.ceil((size - bytes) / perSecond))} left` : "").padStart(LEFT_COLUMNS);
}

/** A guess, so no tenths. */
function inSeconds(seconds: number): string {
  return seconds < 10 ? `${seconds} s` : formatDuration(seconds * 1000);
}

function percentOf(bytes: number, size: number): number {
  // Rounded down: 100 is said only when everything is sent.
  return size === 0 ? 100 : Math.min(100, Math.floor((bytes / size) * 100));
}

function barOf({ bytes, size }: BarFacts, columns: number): string {
  if (size === null) return " ".repeat(columns);
  const inner = columns - 2;
  const filled = Math.floor((percentOf(bytes, size) / 100) * inner);
  const head = filled === 0 || filled === inner ? "" : ">";
  return `[${"=".repeat(filled - head.length)}${head}${" ".repeat(inner - filled)}]`;
}

/** Made when a text is cut for the first time: it takes longer than most commands. */
let graphemes: Intl.Segmenter | undefined;

/** Exactly `columns` wide: padded, or cut with `…` without splitting a character. */
export function fit(text: string, columns: number): string {
  const width = Bun.stringWidth(text);
  if (width <= columns) return text + " ".repeat(columns - width);
  let cut = "";
  let used = 0;
  graphemes ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  for (const { segment } of graphemes.segment(text)) {
    const next = Bun.stringWidth(segment);
    if (used + next > columns - 1) break;
    cut += segment;
    used += next;
  }
  return `${cut}…${" ".repeat(Math.max(0, columns - 1 - used))}`;
}
