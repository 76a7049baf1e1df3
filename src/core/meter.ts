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
/** How fast the shown rate follows the measured one: about four seconds. */
const SMOOTHING = 0.06;

export function createMeter(tell: (bytes: number, rate: number) => void, now: () => number): Meter {
  let bytes = 0;
  let rate = 0;
  let toldBytes = 0;
  let toldAt = now();
  let shown = 0;
  const show = () => {
    shown = bytes;
    tell(bytes, Math.round(rate));
  };
  return {
    add(delta, moved) {
      bytes += delta;
      if (!moved) toldBytes += delta;
      if (delta < 0) toldBytes = Math.min(toldBytes, bytes);
      const elapsed = now() - toldAt;
      if (elapsed < TELL_EVERY_MS) return;
      const measured = Math.max(0, bytes - toldBytes) / (elapsed / 1000);
      const weight = 1 - (1 - SMOOTHING) ** (elapsed / TELL_EVERY_MS);
      rate = rate === 0 ? measured : rate + (measured - rate) * weight;
      toldAt = now();
      toldBytes = bytes;
      show();
    },
    end() {
      if (bytes > shown) show();
    },
  };
}
