import type { ErrorView } from "../errors.ts";
import type { OwnerInfo, UploadRecord } from "./job-store.ts";

/** What a running engine tells; both front doors only listen. */
export type EngineEvent =
  /** Everything is looked at and stored. Upload k of a run is source k ÷ destinations, destination k mod destinations. */
  | {
      readonly type: "planned";
      readonly uploads: number;
      readonly destinations: number;
      readonly bytes: number;
      /** False: nothing of it outlasts this process. */
      readonly recorded?: boolean;
    }
  | { readonly type: "start"; readonly upload: UploadRecord }
  /**
   * At most four a second for each upload, and one with the last bytes. `size` null: unknown. `rate` in whole bytes per
   * second.
   */
  | {
      readonly type: "progress";
      readonly upload: UploadRecord;
      readonly bytes: number;
      readonly size: number | null;
      readonly rate: number;
    }
  /** The next attempt starts in `waitMs`. */
  | { readonly type: "retry"; readonly upload: UploadRecord; readonly error: ErrorView; readonly waitMs: number }
  /** The host holds the bytes; it is not yet visible there. */
  | { readonly type: "stored"; readonly upload: UploadRecord }
  /** A person must open `url`. `waits` false: nothing waits for that, and the account's uploads end. */
  | { readonly type: "captcha"; readonly account: string; readonly url: string; readonly waits?: boolean }
  /** The upload waits until a person has opened `url`; null: it goes on. */
  | { readonly type: "parked"; readonly upload: UploadRecord; readonly url: string | null }
  /** The upload waits for the end of its account's cool-down; `rests` false: it goes on. */
  | { readonly type: "resting"; readonly upload: UploadRecord; readonly rests: boolean }
  /** The upload is up, and no record tells so: a later start takes it for one that is not. */
  | { readonly type: "unrecorded"; readonly upload: UploadRecord; readonly why: string }
  /** The account waits: for its lane in another process, or for the end of a cool-down. */
  | { readonly type: "lane_busy"; readonly account: string; readonly owner: OwnerInfo | null }
  | { readonly type: "cool_down"; readonly account: string; readonly waitMs: number }
  /** Nothing of the account is started any more (`paused`, `refused`), or something is again. `reason` null: by hand. */
  | {
      readonly type: "account";
      readonly account: string;
      readonly change: "paused" | "refused" | "resumed";
      readonly reason: string | null;
    }
  /** One sentence for the user; told once. */
  | { readonly type: "note"; readonly text: string }
  | { readonly type: "warning"; readonly text: string }
  /**
   * The upload has its outcome; in the order they end. One that a server will try again is queued again or interrupted
   * by its state, and its outcome is the failure that sent it back; `dueAt`: milliseconds since the epoch.
   */
  | { readonly type: "ended"; readonly upload: UploadRecord; readonly dueAt?: number | null };

/** `job`: the id of the server's job that an event is about. */
export type EngineListener = (event: EngineEvent, job?: string) => void;
