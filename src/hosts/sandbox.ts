import type { Hono, MiddlewareHandler } from "hono";
import type { SandboxStore } from "./sandbox-store.ts";

/** What a simulation's environment gives as password or token. An everyday word would be redacted wherever it stands. */
export const ANY_SECRET = "any-secret-but-wrong-will-do";

/** A host simulated on loopback, for `hoist sandbox` and for the tests. */
export interface Sandbox {
  /**
   * Step names for `--fault '<step>=<fault>[:n]'`, each with the faults of its own. Those every step understands
   * (`COMMON_FAULTS`) are left out.
   */
  readonly faults: Readonly<Record<string, readonly string[]>>;
  /** Environment that makes hoist (or a sample client) use it, given the base URL. */
  environment(baseUrl: string): Readonly<Record<string, string>>;
  /** The host's routes; several hosts share one origin. */
  app(kit: SandboxKit): Hono<SandboxEnv>;
}

/** What a route behind `kit.step` finds in its context. */
export interface SandboxEnv {
  Variables: {
    /** The planned fault when it is one of the host's own; the common ones are carried out around the route. */
    fault: string | null;
  };
}

/** What the server around the simulations gives to each. */
export interface SandboxKit {
  /** Origin under which everything is reached, without a trailing slash. */
  readonly origin: () => string;
  readonly store: SandboxStore;
  /** Stands before a route: takes the step's next fault and carries it out, or leaves it in `c.get("fault")`. */
  step(name: string): MiddlewareHandler<SandboxEnv>;
}
