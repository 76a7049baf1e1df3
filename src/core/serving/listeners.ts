import { toAppError } from "../../errors.ts";

/** Whoever wants to hear of events. */
export interface Listeners<Event> {
  /** Whether anybody listens. */
  readonly any: boolean;
  /** Never fails: what a listener does wrong is neither the teller's fault nor the other listeners'. */
  tell(event: Event): void;
  /** Calls back until the returned function is called. */
  add(listener: (event: Event) => void): () => void;
}

/** `log`: what a listener has failed with. */
export function createListeners<Event>(log: (message: string) => void): Listeners<Event> {
  const listeners = new Set<(event: Event) => void>();
  return {
    get any() {
      return listeners.size > 0;
    },
    tell(event) {
      for (const listener of listeners) {
        try {
          listener(event);
        } catch (thrown) {
          log(`a listener failed: ${toAppError(thrown).message}`);
        }
      }
    },
    add(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
