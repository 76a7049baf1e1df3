/** What goes wrong with one request. Without a field, that part of the exchange is as the host does it. */
export interface Fault {
  /** Only for requests whose target (path and query) or headers satisfy this. */
  readonly when?: (request: { readonly target: string; header(name: string): string | null }) => boolean;
  /** Replaces the answer; the step then has no effect on the host unless `effect` is true. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON, a string as it is. */
  readonly body?: unknown;
  readonly effect?: boolean;
  /** Alters the host's own JSON answer. */
  // biome-ignore lint/suspicious/noExplicitAny: the answers of two hosts, altered at will by a test
  readonly change?: (answer: any) => unknown;
  /** Waits before the answer. */
  readonly delayMs?: number;
  /**
   * Breaks the connection: after that many body bytes ("head": none), "end": after the last byte and before the host
   * has done anything, "answer": after the host has done its part, without a word.
   */
  readonly breakAt?: number | "head" | "end" | "answer";
  /** RST, or an orderly FIN. */
  readonly breakWith?: "rst" | "fin";
  /** Sends the first bytes of the answer's body only, then closes. */
  readonly cutAnswerAt?: number;
  /** Answers straight after the head; the body is then read and dropped, or the connection closed on it. */
  readonly early?: "drain" | "close";
  /** Stops reading after that many body bytes; the connection stays open until the client leaves. */
  readonly stallAt?: number;
  /** Holds the exchange at this point until the gate is opened. */
  readonly gate?: Gate;
  /** After that many body bytes, after the body ("end"), or with the work done and the answer not yet sent. */
  readonly gateAt?: number | "end" | "answer";
}

export interface Gate {
  /** Resolves when a request stands at the gate. */
  readonly reached: Promise<void>;
  readonly opened: Promise<void>;
  arrive(): void;
  open(): void;
}

export function gate(): Gate {
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  return {
    reached: reached.promise,
    opened: opened.promise,
    arrive: () => reached.resolve(),
    open: () => opened.resolve(),
  };
}

interface Planned {
  readonly fault: Fault;
  left: number;
}

/** Faults planned for the steps of one host, first come first served. */
export class FaultPlan<Step extends string> {
  readonly #planned = new Map<Step, Planned[]>();

  add(step: Step, fault: Fault, times = 1): void {
    const list = this.#planned.get(step) ?? [];
    list.push({ fault, left: times });
    this.#planned.set(step, list);
  }

  clear(step?: Step): void {
    if (step === undefined) this.#planned.clear();
    else this.#planned.delete(step);
  }

  take(step: Step, request: { readonly target: string; header(name: string): string | null }): Fault | null {
    const list = this.#planned.get(step) ?? [];
    const planned = list.find((one) => one.left > 0 && (one.fault.when?.(request) ?? true));
    if (planned === undefined) return null;
    planned.left -= 1;
    return planned.fault;
  }
}
