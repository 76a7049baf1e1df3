import type { HostEnv, UploadContext } from "../host.ts";

/** Who may still join a batch, and when nobody will. */
export interface Intake {
  /** Resolves once no body is under way and none will come. */
  readonly sealed: Promise<void>;
  /** Whether one more file of so many bytes may join. */
  admits(size: number): boolean;
  enter(size: number): void;
  /** A body has ended, in one way or another. */
  ended(ctx: Pick<UploadContext, "more">): void;
  /** Takes no more files. */
  close(): void;
}

const MAX_FILES = 100;
const MAX_BYTES = 256 * 1024 * 1024;
/** How long an idle shared batch waits for the next file. */
const LINGER_MS = 50;

export function createIntake(shared: boolean, env: Pick<HostEnv, "sleep">, signal: AbortSignal): Intake {
  const sealing = Promise.withResolvers<void>();
  let open = true;
  let files = 0;
  let bytes = 0;
  let underWay = 0;

  const seal = () => {
    open = false;
    sealing.resolve();
  };
  const linger = (seen: number) => {
    const ifNobodyCame = () => {
      if (files === seen && underWay === 0) seal();
    };
    env.sleep(LINGER_MS, signal).then(ifNobodyCame, () => {});
  };

  return {
    sealed: sealing.promise,
    admits: (size) => open && (files === 0 || (shared && bytes + size <= MAX_BYTES)),
    enter(size) {
      files += 1;
      bytes += size;
      underWay += 1;
      if (!shared || files === MAX_FILES) open = false;
    },
    ended(ctx) {
      underWay -= 1;
      if (underWay > 0) return;
      if (open && ctx.more()) linger(files);
      else seal();
    },
    close() {
      open = false;
      if (underWay === 0) seal();
    },
  };
}
