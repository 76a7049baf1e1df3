import type { ErrorView } from "../errors.ts";

/** The JSON of one upload on stdout (`--json`), in the history and on the API. */
export type ResultView =
  | {
      readonly v: 1;
      readonly type: "result";
      readonly ok: true;
      readonly id: string;
      /** Absolute; "-" for stdin. */
      readonly file: string;
      readonly name: string;
      readonly account: string;
      readonly host: string;
      readonly folder: string | null;
      readonly size: number;
      readonly md5: string | null;
      readonly url: string | null;
      readonly remoteId: string | null;
      readonly verified: "md5" | "size" | null;
      readonly attempts: number;
      readonly seconds: number;
      readonly skipped: boolean;
      /** Only when skipped. */
      readonly skipReason?: "ledger" | "host" | "running";
      readonly labels: Readonly<Record<string, string>>;
    }
  | {
      readonly v: 1;
      readonly type: "result";
      readonly ok: false;
      readonly id: string;
      readonly file: string;
      readonly name: string;
      readonly account: string;
      readonly host: string;
      readonly folder: string | null;
      readonly size: number | null;
      readonly attempts: number;
      readonly seconds: number;
      readonly labels: Readonly<Record<string, string>>;
      readonly error: ErrorView;
    };

export interface SummaryView {
  readonly v: 1;
  readonly type: "summary";
  readonly ok: number;
  readonly failed: number;
  readonly skipped: number;
  /** Bytes of the uploads that are ok and were not skipped. */
  readonly bytes: number;
  readonly seconds: number;
  readonly exit: number;
  /** An identical run later can succeed. */
  readonly retryable: boolean;
  /** Failures by code. */
  readonly codes: Readonly<Record<string, number>>;
}

/** One line of `--dry-run`. */
export interface PlanView {
  readonly v: 1;
  readonly type: "plan";
  readonly file: string;
  readonly name: string;
  readonly account: string;
  readonly host: string;
  readonly folder: string | null;
  readonly size: number | null;
  /** Set when the source would fail, without any call. */
  readonly error?: ErrorView;
}
