/** Where an upload stands at its host, in order; a retry may go back to `preparing`. */
export const PHASES = [
  "new",
  "preparing",
  /** Durable before the first byte of the body leaves. */
  "sending",
  /** Durable before the last chunk is handed over: from here on the host may hold the file. */
  "finishing",
  /** The host answered: it holds the bytes. */
  "stored",
  /** Name and folder are set. */
  "placed",
  /** Durable before the commit is asked for: only the commit may be repeated. */
  "committing",
  "committed",
] as const;
export type Phase = (typeof PHASES)[number];
