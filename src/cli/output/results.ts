import { basename } from "node:path";
import type { UploadRecord } from "../../core/job-store.ts";
import { formatTime } from "../../core/units.ts";
import { type ResultView, resultView } from "../../core/views.ts";
import { AppError } from "../../errors.ts";
import type { Format } from "./formats.ts";
import { withUploadStep } from "./next-step.ts";
import type { Output } from "./output.ts";

export type GroupBy = "host" | "file";

/** Writes ended uploads to stdout. */
export interface Results {
  /** Results come in the order of sources, then destinations, whatever order they are added in. */
  expect(destinations: number): void;
  add(upload: UploadRecord): void;
  /** Writes what still waits for others that never ended. */
  finish(): void;
}

/** Results of a run. Fails with `usage` if the format cannot show groups. */
export function createResults(out: Output, format: Format, groupBy: GroupBy | undefined): Results {
  if (groupBy !== undefined && (format.json || format.heading === undefined)) {
    throw new AppError("usage", "--group-by does not go with this format", { hint: "it has no headings" });
  }
  if (format.json) {
    return { expect() {}, add: (upload) => out.json(resultView(upload)), finish() {} };
  }
  const lines = createLines(out, format);
  const waiting = new Map<number, UploadRecord>();
  let destinations = 1;
  let next = 0;

  const write = (upload: UploadRecord) => {
    lines.write(resultView(upload), upload.finishedAt, groupBy === undefined ? null : GROUPS[groupBy](upload));
  };
  const flush = (position: number) => {
    const upload = waiting.get(position);
    if (upload === undefined) return false;
    waiting.delete(position);
    write(upload);
    return true;
  };

  return {
    expect(perSource) {
      destinations = Math.max(1, perSource);
      lines.begin();
    },
    add(upload) {
      waiting.set(upload.sourceIndex * destinations + upload.destinationIndex, upload);
      // Groups of hosts are known only when all uploads are.
      if (groupBy === "host") return;
      while (flush(next)) next += 1;
    },
    finish() {
      const left = [...waiting].sort(([a], [b]) => a - b).map(([, upload]) => upload);
      waiting.clear();
      const groups = groupBy === "host" ? Map.groupBy(left, ({ host }) => host).values() : [left];
      for (const upload of [...groups].flat()) write(upload);
    },
  };
}

interface Group {
  readonly key: string | number;
  readonly title: string;
}

const GROUPS: Readonly<Record<GroupBy, (upload: UploadRecord) => Group>> = {
  host: ({ host }) => ({ key: host, title: host }),
  file: ({ sourceIndex, source, name }) => ({
    key: sourceIndex,
    title: source.path === "-" ? name : basename(source.path),
  }),
};

/** Numbered lines under a header and, where groups change, headings. */
export interface Lines {
  begin(): void;
  /** False: the format has no line for it. */
  write(view: ResultView, time: number | null, group: Group | null): boolean;
}

export function createLines(out: Output, format: Format & { readonly json: false }): Lines {
  let number = 1;
  let shown: Group | null = null;
  return {
    begin() {
      if (format.header !== undefined) out.raw(`${format.header}\n`);
    },
    write(view, time, group) {
      const line = format.line({ view, time, number });
      if (line === null) return false;
      if (group !== null && group.key !== shown?.key) {
        out.raw(`${shown === null ? "" : "\n"}${format.heading?.(group.title) ?? ""}\n`);
      }
      shown = group;
      number += 1;
      out.raw(`${line}\n`);
      return true;
    },
  };
}

/** A line of `hoist history --json`. */
export function historyView(upload: UploadRecord): ResultView & { readonly time: string | null } {
  return {
    ...resultView(withUploadStep(upload)),
    time: upload.finishedAt === null ? null : formatTime(upload.finishedAt),
  };
}
