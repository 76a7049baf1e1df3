import * as v from "valibot";

/** A text that says something. */
export const filled = v.pipe(v.string("must be a string"), v.minLength(1, "must not be empty"));

export function whole(min: number, max: number) {
  const words = `must be a whole number from ${min} to ${max}`;
  return v.pipe(v.number(words), v.integer(words), v.minValue(min, words), v.maxValue(max, words));
}

/** A text in one of the product's own notations, as its parsed value. */
export function written<T>(parse: (text: string) => T | null, forms: string) {
  const words = `must be ${forms}`;
  return v.pipe(
    v.union([v.string(), v.number()], words),
    v.rawTransform<string | number, T>(({ dataset, addIssue, NEVER }) => {
      const parsed = parse(String(dataset.value));
      if (parsed !== null) return parsed;
      addIssue({ message: words });
      return NEVER;
    }),
  );
}
