import { AppError } from "../errors.ts";

/** One thing that is wrong with a request. */
export interface InputError {
  /** Keys and numbers of list items: `to[0]`. Nothing that the caller made up but a plain word. Empty: the whole. */
  readonly path: string;
  /** What is wrong with it, without quoting it; goes on after the path: "is empty". */
  readonly message: string;
}

/** A failure that `inputErrorsOf` knows. */
export function invalidInput(errors: readonly InputError[]): AppError {
  const where = errors.map(({ path, message }) => (path === "" ? message : `${path} ${message}`));
  return new AppError("usage", `the request is not valid: ${where.slice(0, 3).join("; ")}`, {
    cause: { inputErrors: errors },
  });
}

/** Null for every failure that is not about a request's shape. */
export function inputErrorsOf({ cause }: AppError): readonly InputError[] | null {
  return typeof cause === "object" && cause !== null && "inputErrors" in cause
    ? (cause.inputErrors as readonly InputError[])
    : null;
}
