import { AppError } from "../../errors.ts";
import type { Words } from "./manager.ts";

/** Whether the program is on the path. */
export function runs(program: string): boolean {
  return Bun.which(program) !== null;
}

/** One after the other, their words on stderr. Fails with `state` at the first that fails. */
export async function runAll(commands: readonly Words[]): Promise<void> {
  for (const words of commands) {
    const child = Bun.spawn({ cmd: [...words], stdin: "ignore", stdout: "ignore", stderr: "inherit" });
    const code = await child.exited;
    if (code === 0) continue;
    throw new AppError("state", `${words.join(" ")} failed with exit code ${code}`, {
      hint: "its reason stands above",
    });
  }
}
