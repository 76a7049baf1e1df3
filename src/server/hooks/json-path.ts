/** One step down: a member by name, an element by index (negative from the end), or all of them. */
type Step =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "all" };

export type JsonPath = readonly Step[];

/** What a person may write, for messages. */
export const JSON_PATH_FORMS = '$.a.b, $.a[0], $.files[*].path or $["a b"]';

const LONGEST_PATH = 512;
const STEP =
  /\.(?<plain>[^\s.[\]"'*]+)|\[(?:(?<index>-?\d{1,9})|(?<all>\*)|(?<double>"(?:[^"\\]|\\.)*")|'(?<single>(?:[^'\\]|\\.)*)')\]/y;

/** The subset of JSONPath that names places without searching; null when it is none. */
export function parseJsonPath(text: string): JsonPath | null {
  if (!text.startsWith("$") || text.length > LONGEST_PATH) return null;
  const steps: Step[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < text.length) {
    const groups = STEP.exec(text)?.groups;
    if (groups === undefined) return null;
    const step = stepOf(groups);
    if (step === null) return null;
    steps.push(step);
  }
  return steps;
}

function stepOf({ plain, index, all, double, single }: Record<string, string | undefined>): Step | null {
  if (all !== undefined) return { kind: "all" };
  if (index !== undefined) return { kind: "index", index: Number(index) };
  if (plain !== undefined) return { kind: "name", name: plain };
  if (single !== undefined) return { kind: "name", name: single.replace(/\\(.)/g, "$1") };
  try {
    return { kind: "name", name: JSON.parse(double ?? "") };
  } catch {
    return null;
  }
}

/** Everything the path leads to, in document order; own members only. */
export function select(path: JsonPath, root: unknown): unknown[] {
  return path.reduce<unknown[]>((values, step) => values.flatMap((value) => below(value, step)), [root]);
}

function below(value: unknown, step: Step): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  if (step.kind === "all") return Object.values(value);
  if (step.kind === "name") return member(value, step.name);
  if (!Array.isArray(value)) return [];
  const index = step.index < 0 ? value.length + step.index : step.index;
  return index >= 0 && index < value.length ? [value[index]] : [];
}

function member(value: object, name: string): unknown[] {
  return !Array.isArray(value) && Object.hasOwn(value, name) ? [(value as Record<string, unknown>)[name]] : [];
}

/** The texts a path leads to; a list of texts counts as its elements. */
export function selectTexts(path: JsonPath, root: unknown): string[] {
  return select(path, root)
    .flat()
    .filter((value) => typeof value === "string");
}
