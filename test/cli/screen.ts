/** As much of a terminal as pinned lines need: width, wrapping, scrolling, CR, LF, cursor up, erasing. */
export class Screen {
  readonly isTTY = true;
  columns: number;
  rows: number;
  /** Everything that scrolled out, then what is visible; cells of wide characters are followed by "". */
  private lines: string[][] = [[]];
  private row = 0;
  private column = 0;
  private readonly listeners = new Set<() => void>();

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  get text(): string {
    return this.lines
      .map((cells) =>
        cells
          .map((cell) => cell ?? " ")
          .join("")
          .trimEnd(),
      )
      .join("\n")
      .trimEnd();
  }

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal reads.
    for (const [token] of text.matchAll(/\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x1f]|[^\x00-\x1f]/gu)) this.take(token);
  }

  on(_event: "resize", listener: () => void): void {
    this.listeners.add(listener);
  }

  off(_event: "resize", listener: () => void): void {
    this.listeners.delete(listener);
  }

  /** Like a terminal that wraps lines anew: each line ends where its text ends. */
  resize(columns: number): void {
    const cursor = this.lines[this.row] ?? [];
    const rewrapped: string[][] = [];
    for (const line of this.lines) {
      const cells = trimCells(line);
      do rewrapped.push(cells.splice(0, columns));
      while (cells.length > 0);
      if (line === cursor) this.row = rewrapped.length - 1;
    }
    this.lines = rewrapped;
    this.column = Math.min(this.lines[this.row]?.length ?? 0, columns - 1);
    this.columns = columns;
    for (const listener of this.listeners) listener();
  }

  /** Like a terminal that drops what no longer fits. */
  cut(columns: number): void {
    for (const line of this.lines) line.splice(columns);
    this.column = Math.min(this.column, columns - 1);
    this.columns = columns;
    for (const listener of this.listeners) listener();
  }

  private take(token: string): void {
    if (token === "\r") this.column = 0;
    else if (token === "\n") this.newLine();
    else if (token.startsWith("\x1b[")) this.control(token.slice(2, -1), token.at(-1));
    else this.put(token);
  }

  private control(argument: string, letter: string | undefined): void {
    if (letter === "A") this.row = Math.max(this.top, this.row - Number(argument || 1));
    else if (letter === "K") this.line.splice(argument === "2" ? 0 : this.column);
    else if (letter !== "m") throw new Error(`unknown escape ${argument}${letter}`);
  }

  private put(character: string): void {
    const width = Bun.stringWidth(character);
    if (this.column + width > this.columns) this.newLine();
    this.line[this.column] = character;
    for (let cell = 1; cell < width; cell += 1) this.line[this.column + cell] = "";
    this.column += width;
  }

  private newLine(): void {
    this.row += 1;
    this.column = 0;
    this.lines[this.row] ??= [];
  }

  private get line(): string[] {
    const line = this.lines[this.row] ?? [];
    this.lines[this.row] = line;
    return line;
  }

  private get top(): number {
    return Math.max(0, this.lines.length - this.rows);
  }
}

function trimCells(line: readonly string[]): string[] {
  const cells = Array.from(line, (cell) => cell ?? " ");
  while (cells.at(-1) === " ") cells.pop();
  return cells;
}
