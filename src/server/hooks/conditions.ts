import type { HookSection } from "../../config/hooks-schema.ts";
import { AppError } from "../../errors.ts";
import { JSON_PATH_FORMS, type JsonPath, parseJsonPath, select } from "./json-path.ts";
import { compilePattern } from "./pattern.ts";
import type { Payload } from "./payload.ts";

type ConditionSection = HookSection["when"][number];
type Scalar = NonNullable<ConditionSection["equals"]>;

/** One line of `when`. */
export interface Condition {
  /** As written. */
  readonly at: string;
  readonly path: JsonPath;
  /** The test as written: `equals "success"`. */
  readonly test: string;
  /** Of several values one is enough. */
  holds(values: readonly unknown[], fields: boolean): boolean;
}

/** Fails with `config`, naming `key`. */
export async function compileCondition(key: string, section: ConditionSection): Promise<Condition> {
  const path = parseJsonPath(section.at);
  if (path === null) throw new AppError("config", `${key}.at is no path; write ${JSON_PATH_FORMS}`);
  return { at: section.at, path, ...(await compileTest(key, section)) };
}

async function compileTest(key: string, section: ConditionSection): Promise<Pick<Condition, "test" | "holds">> {
  const { equals, in: list, matches, exists } = section;
  if (equals !== undefined) return { test: `equals ${JSON.stringify(equals)}`, holds: anyOf([equals]) };
  if (list !== undefined) return { test: `in ${JSON.stringify(list)}`, holds: anyOf(list) };
  if (matches !== undefined) {
    const found = await compilePattern(`${key}.matches`, matches);
    return {
      test: `matches ${JSON.stringify(matches)}`,
      holds: (values) => values.flat().some((value) => isText(value) && found(String(value))),
    };
  }
  return { test: `exists ${exists}`, holds: (values) => values.length > 0 === exists };
}

function anyOf(expected: readonly Scalar[]): Condition["holds"] {
  return (values, fields) =>
    values.flat().some((value) => expected.some((each) => value === each || (fields && value === String(each))));
}

function isText(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

export function conditionHolds(condition: Condition, payload: Payload): boolean {
  return condition.holds(select(condition.path, payload.value), payload.fields);
}
