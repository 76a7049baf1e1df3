import type { Hono } from "hono";

/** A host simulated on loopback, for `hoist sandbox` and for the tests. */
export interface Sandbox {
  /** Step names for `--fault '<step>=<fault>[:n]'`, each with the faults it understands. */
  readonly faults: Readonly<Record<string, readonly string[]>>;
  /** Environment that makes hoist (or a sample client) use it, given the base URL. */
  environment(baseUrl: string): Readonly<Record<string, string>>;
  /** The host's routes; several hosts share one origin. */
  app(kit: SandboxKit): Hono;
}

/** What the server around the simulations gives to each. */
export interface SandboxKit {
  /** Origin under which everything is reached, without a trailing slash. */
  readonly origin: () => string;
  /** Takes the next planned fault of a step; null when the step shall work. */
  fault(step: string): string | null;
}
