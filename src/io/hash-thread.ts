import { AppError } from "../errors.ts";
import type { HashAnswer, HashRequest } from "./hash-worker.ts";

/** A thread that hashes for several files in turn. */
export interface HashThread {
  /** Files that are being hashed on it. While there are any it keeps the process alive. */
  readonly load: number;
  /** It can do no more: what was asked of it has failed. */
  readonly broken: boolean;
  take(): void;
  give(): void;
  /** Lower-case hex where the request ends a hash. Answers come in the order of the requests. */
  ask(request: HashRequest): Promise<string | null>;
  /** For what has no answer. */
  tell(request: HashRequest): void;
  end(): void;
}

export function startHashThread(): HashThread {
  // Most runs start no thread, and loading what can takes a millisecond.
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  // Absolute: a relative path would be looked for in the user's directory.
  const worker = new Worker(new URL("./hash-worker.ts", import.meta.url));
  const waiting: PromiseWithResolvers<string | null>[] = [];
  let load = 0;
  let failure: AppError | null = null;

  worker.unref();
  worker.on("message", ({ digest }: HashAnswer) => waiting.shift()?.resolve(digest));
  const fail = (message: string) => {
    failure ??= new AppError("internal", `the thread that hashes broke: ${message}`);
    for (const each of waiting.splice(0)) each.reject(failure);
  };
  worker.on("error", ({ message }: Error) => fail(message));
  worker.on("exit", () => fail("it has ended"));

  return {
    get load() {
      return load;
    },
    get broken() {
      return failure !== null;
    },
    take() {
      load += 1;
      worker.ref();
    },
    give() {
      load -= 1;
      if (load === 0) worker.unref();
    },
    async ask(request) {
      if (failure !== null) throw failure;
      const answer = Promise.withResolvers<string | null>();
      waiting.push(answer);
      worker.postMessage(request);
      return answer.promise;
    },
    tell: (request) => worker.postMessage(request),
    end: () => void worker.terminate(),
  };
}
