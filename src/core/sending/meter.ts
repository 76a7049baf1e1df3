/** Counts the bytes of one upload and tells about them now and then, with the rate in whole bytes per second. */
export interface Meter {
  /**
   * A negative delta takes back what a broken attempt had sent. `moved` false: the bytes count, but say nothing of the
   * rate.
   */
  add(delta: number, moved: boolean): void;
  /** Tells what is not told yet: a small file has been sent before it was time to. */
  end(): void;
}

const TELL_EVERY_MS = 250;
/** The rate is that of so long: what the buffers of the system swallow at first is soon forgotten. */
const WINDOW_MS = 4000;

export function createMeter(tell: (bytes: number, rate: number) => void, now: () => number): Meter {
  let bytes = 0;
  let moved = 0;
  let shown = 0;
  let timer: Timer | undefined;
  const marks = [{ at: now(), moved: 0 }];

  /** The system may have swallowed all there is, and nothing more is added for long. */
  function showLate(): void {
    timer = undefined;
    if (bytes > shown) show();
  }

  function show(): void {
    clearTimeout(timer);
    timer = undefined;
    const at = now();
    marks.push({ at, moved });
    while (marks.length > 2 && at - (marks[1]?.at ?? at) >= WINDOW_MS) marks.shift();
    const [first = { at, moved }] = marks;
    const seconds = (at - first.at) / 1000;
    shown = bytes;
    tell(bytes, seconds > 0 ? Math.round((moved - first.moved) / seconds) : 0);
  }

  return {
    add(delta, isMove) {
      bytes += delta;
      if (isMove && delta > 0) moved += delta;
      const wait = (marks.at(-1)?.at ?? 0) + TELL_EVERY_MS - now();
      if (wait <= 0) show();
      else timer ??= setTimeout(showLate, wait).unref();
    },
    end() {
      clearTimeout(timer);
      if (bytes > shown) show();
    },
  };
}
