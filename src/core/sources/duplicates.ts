import { AppError } from "../../errors.ts";
import type { UpInput } from "../inputs.ts";
import type { FoundSource } from "./find-sources.ts";
import { createMet } from "./met.ts";

/** Files named more than once, told apart by their absolute paths: a link is a source of its own. */
export interface Duplicates {
  /**
   * Of the places (one for each destination) those that the source does not go to already. Fails with `usage` where
   * `--after` would take the source away between two of its places.
   */
  fresh(source: FoundSource, places: readonly (string | null)[]): readonly boolean[];
  /** Says how many files were named again, besides those told by name. */
  finish(): void;
}

/** So many are told by name; a whole directory named twice is one mistake. */
const TOLD_BY_NAME = 3;

export function createDuplicates({ sources, filesFrom, run }: UpInput, note: (text: string) => void): Duplicates {
  // One walk meets each path once; a long one needs no memory for that.
  const possible = sources.length > 1 || filesFrom !== null;
  const seen = createMet();
  const again = createMet();
  let told = 0;

  return {
    fresh({ path }, places) {
      if (!possible || path === "-") return places.map(() => true);
      const keys = places.map((place, index) => `${path}\0${index}\0${place ?? ""}`);
      const fresh = keys.map((key) => seen.add(key));
      if (!fresh.includes(true)) tell(path);
      else if (run.after.do !== "keep") assertOnePlace(path);
      return fresh;
    },
    finish() {
      const more = told - TOLD_BY_NAME;
      if (more > 0) note(`${more} more: named more than once, and uploaded once`);
    },
  };

  function tell(path: string): void {
    if (!again.add(path)) return;
    told += 1;
    if (told <= TOLD_BY_NAME) note(`${path} is named more than once, and uploaded once`);
  }

  function assertOnePlace(path: string): void {
    if (seen.add(path)) return;
    throw new AppError("usage", `${path} goes to several folders, so --after cannot tell when it is done`, {
      hint: "name it once, or leave out --after",
    });
  }
}
