import { AppError } from "../errors.ts";
import { type Environment, variable } from "./place.ts";
import { readSecretFile } from "./secret-source.ts";

/** The secret in `NAME` or in the file that `NAME_FILE` names; null when neither is set. Fails with `config`. */
export async function secretOfVariable(name: string, env: Environment): Promise<string | null> {
  const value = variable(env, name);
  const path = variable(env, `${name}_FILE`);
  if (value !== undefined && path !== undefined) {
    throw new AppError("config", `${name} and ${name}_FILE are both set`, { hint: "keep one of them" });
  }
  if (value !== undefined) return value;
  return path === undefined ? null : readSecretFile(path, `${name}_FILE`);
}
