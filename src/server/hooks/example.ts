import type { HookSection } from "../../config/hooks-schema.ts";
import type { Json } from "../../json.ts";
import { type JsonPath, parseJsonPath } from "./json-path.ts";

/** What a sender without a preset could send, as far as the hook's section tells. */
export interface Example {
  readonly json: Json;
  /** The same as fields of a form or a query; null where something stands deeper than those can tell. */
  readonly fields: readonly (readonly [name: string, value: string])[] | null;
}

/** Stands where only the person who sets the sender up knows better. */
const ANYTHING = "TEXT";
/** Nobody reads more. */
const MOST_ITEMS = 9;

/** `file`: where the sender could see one. */
export function exampleOf({ path, name, when, to = [] }: HookSection, file: string): Example {
  const found = when.flatMap(({ at, equals, in: list, exists }) =>
    exists === false ? [] : [{ at, value: equals ?? list?.[0] ?? ANYTHING }],
  );
  const places = to.flatMap((text) => [...text.matchAll(/\{payload([^{}]+)\}/g)].map(([, place]) => `$${place}`));
  const wanted = [
    { at: path, value: file },
    { at: name, value: "NAME" },
    ...found,
    ...places.map((at) => ({ at, value: ANYTHING })),
  ].flatMap(({ at, value }) => {
    const steps = at === undefined ? null : parseJsonPath(at);
    return steps === null ? [] : [{ steps, value }];
  });
  const json = wanted.reduce<Json>((built, { steps, value }) => withValue(built, steps, value), null);
  return { json, fields: fieldsOf(json) };
}

/** The first value that is put in a place stays there. */
function withValue(built: Json, [step, ...rest]: JsonPath, value: Json): Json {
  if (step === undefined) return built ?? value;
  if (step.kind === "name") {
    const table = tableOf(built ?? {});
    if (table === null) return built;
    return { ...table, [step.name]: withValue(table[step.name] ?? null, rest, value) };
  }
  if (built !== null && !Array.isArray(built)) return built;
  const items: Json[] = [...(built ?? [])];
  const index = step.kind === "index" ? Math.min(Math.max(0, step.index), MOST_ITEMS) : 0;
  while (items.length <= index) items.push(null);
  items[index] = withValue(items[index] ?? null, rest, value);
  return items;
}

function tableOf(json: Json): Readonly<Record<string, Json>> | null {
  return typeof json === "object" && json !== null && !Array.isArray(json)
    ? (json as Readonly<Record<string, Json>>)
    : null;
}

function fieldsOf(json: Json): Example["fields"] {
  const fields = Object.entries(tableOf(json) ?? {});
  if (fields.length === 0 || fields.some(([, value]) => typeof value === "object")) return null;
  return fields.map(([name, value]) => [name, String(value)]);
}
