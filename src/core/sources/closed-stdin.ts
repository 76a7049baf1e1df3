import { type AppError, toAppError } from "../../errors.ts";
import { assertStdinOpen } from "../../io/stdin.ts";

/** Why there is nothing to read from standard input; null: there may be something. */
export function whyNoStdin(): AppError | null {
  try {
    assertStdinOpen();
    return null;
  } catch (error) {
    return toAppError(error);
  }
}
