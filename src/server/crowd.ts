/** Requests that are dealt with at the same time. */
export interface Crowd {
  /** A place, given back by the returned function (once; again does nothing); null when there is none. */
  enter(): (() => void) | null;
}

export function createCrowd(places: number): Crowd {
  let taken = 0;
  return {
    enter() {
      if (taken >= places) return null;
      taken += 1;
      let inside = true;
      return () => {
        if (inside) taken -= 1;
        inside = false;
      };
    },
  };
}

/** Requests whose sender is not known before their body is read. */
export interface WaitingRoom {
  /** Always lets in: when it is full, the one who waits longest has to go, which its signal says. */
  enter(): { readonly signal: AbortSignal; leave(): void };
}

/** Somebody who sends a body byte by byte keeps nobody out who sends it at once. */
export function createWaitingRoom(places: number): WaitingRoom {
  const waiting = new Set<AbortController>();
  return {
    enter() {
      const [longest] = waiting;
      if (waiting.size >= places && longest !== undefined) {
        waiting.delete(longest);
        longest.abort();
      }
      const controller = new AbortController();
      waiting.add(controller);
      return { signal: controller.signal, leave: () => waiting.delete(controller) };
    },
  };
}
