import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { folderPartsOf } from "../io/walk.ts";
import type { RunOptions, UpInput } from "./inputs.ts";

export const AFTER_FORMS = "keep, delete or move:DIR";

/** `--after` and `[up] after` as written; null when it is none of the forms. */
export function parseAfter(text: string): RunOptions["after"] | null {
  if (text === "keep" || text === "delete") return { do: text };
  const directory = /^move:(.+)$/s.exec(text)?.[1];
  return directory === undefined ? null : { do: "move", directory };
}

type Asked = Pick<UpInput, "run" | "recursive" | "sources">;

/** What is moved of the directories that are named keeps its place in them, as on the host. */
export async function withTrees({ run, recursive, sources }: Asked): Promise<RunOptions["after"]> {
  if (run.after.do !== "move" || !recursive) return run.after;
  const trees: { root: string; below: string[] }[] = [];
  for (const typed of new Set(sources)) {
    const isDirectory = await stat(typed).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    if (isDirectory) trees.push({ root: resolve(typed), below: [...folderPartsOf(typed)] });
  }
  return { ...run.after, trees };
}
