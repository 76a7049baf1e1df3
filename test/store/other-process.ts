import { join } from "node:path";
import type { OwnerInfo } from "../../src/core/job-store.ts";
import type { ServeStore } from "../../src/core/serve-store.ts";
import type { Answer } from "./child.ts";

type Method = Exclude<keyof ServeStore, "owner" | "recorded" | typeof Symbol.asyncDispose>;
type Result<K extends Method> =
  ReturnType<ServeStore[K]> extends Promise<infer T>
    ? T
    : ReturnType<ServeStore[K]> extends AsyncIterable<infer T>
      ? readonly T[]
      : never;
/** Sets go over as arrays. */
type Arguments<A extends readonly unknown[]> = {
  [I in keyof A]: A[I] extends ReadonlySet<infer T> ? readonly T[] : A[I];
};

/** Another live process with a store of the same directory. */
export interface OtherProcess extends AsyncDisposable {
  readonly owner: OwnerInfo;
  /** Fails with the code of what the call failed with. Calls of one tick arrive together. */
  call<K extends Method>(method: K, ...args: Arguments<Parameters<ServeStore[K]>>): Promise<Result<K>>;
  /** SIGKILL, and waits until the process is gone. */
  kill(): Promise<void>;
  /** SIGSTOP. */
  freeze(): void;
  thaw(): void;
  /** Lets it close its store and end. */
  end(): Promise<void>;
}

/** With `openAt` (milliseconds since the epoch) it waits for that moment, to open at once with others. */
export async function otherProcess(directory: string, openAt = 0): Promise<OtherProcess> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "child.ts"), directory, String(openAt)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const answers = linesOf(child.stdout);
  let turn: Promise<unknown> = Promise.resolve();

  /** Answers come in the order of the calls. */
  function next(): Promise<unknown> {
    const answer = turn.then(async () => {
      const { value: line } = await answers.next();
      if (line === undefined) throw new Error("the other process is gone");
      const parsed = JSON.parse(line) as Answer;
      if ("code" in parsed) throw Object.assign(new Error(parsed.message), { code: parsed.code });
      return parsed.value;
    });
    turn = answer.catch(() => {});
    return answer;
  }

  const owner = (await next()) as OwnerInfo;
  return {
    owner,
    call: ((method: string, ...args: unknown[]) => {
      // A process that has been killed is told by the answer that does not come.
      void Promise.try(() => child.stdin.write(`${JSON.stringify([method, ...args])}\n`)).catch(() => {});
      return next();
    }) as OtherProcess["call"],
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
    freeze: () => child.kill("SIGSTOP"),
    thaw: () => child.kill("SIGCONT"),
    async end() {
      await child.stdin.end();
      await child.exited;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
