import type { ErrorView } from "../errors.ts";
import type { UploadRecord } from "./job-store.ts";

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
      /** Over all runs. */
      readonly attempts: number;
      /** Over all runs. */
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
  /** Of this run. */
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
  /** With `--skip-existing`, where it can be looked at: what stands there. */
  readonly there?: "missing" | "differs";
  /** Of what stands there under that name, when it differs; null where the host does not say. */
  readonly sizesThere?: readonly (number | null)[];
  /** With `--skip-existing`: uploaded before, as far as the ledger knows, so that it would be skipped. */
  readonly recorded?: true;
}

/** An ended upload as results, history and API show it. */
export function resultView(upload: UploadRecord): ResultView {
  const { outcome } = upload;
  const common = {
    v: 1,
    type: "result",
    id: upload.id,
    file: upload.source.path,
    name: upload.name,
    account: upload.account,
    host: upload.host,
    folder: upload.folder,
    attempts: upload.attempts,
    seconds: Math.round(upload.seconds * 1000) / 1000,
    labels: upload.labels,
  } as const;
  if (outcome === null || !outcome.ok) {
    return { ...common, ok: false, size: upload.source.size, error: outcome?.error ?? NOT_ENDED };
  }
  return {
    ...common,
    ok: true,
    size: outcome.size,
    md5: outcome.md5,
    url: outcome.url,
    remoteId: outcome.remoteId,
    verified: outcome.verified,
    skipped: outcome.skipped,
    ...(outcome.skipReason === null ? {} : { skipReason: outcome.skipReason }),
  };
}

const NOT_ENDED: ErrorView = {
  code: "cancelled",
  exit: 130,
  message: "the upload was interrupted",
  hint: "go on with: hoist resume",
  hostMessage: null,
  retryable: false,
  url: null,
};
