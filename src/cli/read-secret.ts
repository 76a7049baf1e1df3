import { AppError } from "../errors.ts";
import type { CliIo } from "./io.ts";

const MAX_BYTES = 64 * 1024;

/** The only line of standard input, which is no terminal. Fails with `usage`. */
export async function readSecret(stdin: CliIo["stdin"], flag: string): Promise<string> {
  if (stdin.isTTY === true) {
    throw new AppError("usage", `${flag}: standard input is a terminal, which would show the secret`, {
      hint: "pipe it, or leave the option out to be asked",
    });
  }
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stdin) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_BYTES) throw new AppError("usage", `${flag}: standard input is too long for a secret`);
  }
  const secret = (text + decoder.decode()).replace(/\r?\n$/, "");
  if (secret === "") {
    throw new AppError("usage", `${flag}: standard input is empty`, {
      hint: `for example: pass show disk | hoist … ${flag}`,
    });
  }
  if (/[\r\n]/.test(secret)) {
    throw new AppError("usage", `${flag}: standard input has more than one line`, {
      hint: `if the first is the secret: pass show disk | head -n 1 | hoist … ${flag}`,
    });
  }
  return secret;
}
