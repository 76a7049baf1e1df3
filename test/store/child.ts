/**
 * A store in a process of its own, opened at a moment in milliseconds since the epoch. Each line on stdin is `[method, …arguments]`; lines that come together are called
 * in one tick. Answers go to stdout, in the order of the calls.
 */
import type { ServeStore } from "../../src/core/serve-store.ts";
import { toAppError } from "../../src/errors.ts";
import { openStore } from "../../src/store/open.ts";

export type Answer = { readonly value: unknown } | { readonly code: string; readonly message: string };

const [, , directory = "", openAt = "0"] = process.argv;
while (Date.now() < Number(openAt));
const store = openStore({ directory, command: "hoist child" });
print({ value: store.owner });

function print(answer: Answer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

async function call(line: string): Promise<Answer> {
  try {
    const [method, ...given] = JSON.parse(line);
    const sets = ["claim", "recover", "adoptJobs"].includes(method);
    const args = given.map((arg: unknown) => (sets && Array.isArray(arg) ? new Set(arg) : arg));
    const result = (store[method as keyof ServeStore] as (...args: unknown[]) => unknown)(...args);
    const iterates = typeof result === "object" && result !== null && Symbol.asyncIterator in result;
    const value = await (iterates ? Array.fromAsync(result as AsyncIterable<unknown>) : result);
    return { value: value instanceof Map ? [...value] : (value ?? null) };
  } catch (error) {
    const { code, message } = toAppError(error);
    return { code, message };
  }
}

let answered = Promise.resolve();
let rest = "";
for await (const chunk of process.stdin) {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop() ?? "";
  const answers = lines.map(call);
  for (const answer of answers) {
    answered = answered.then(async () => print(await answer));
  }
}
await answered;
await store[Symbol.asyncDispose]();
