/** What arrived at a hook's URL, after the checks that every route shares. */
export interface HookRequest {
  /** In capitals. */
  readonly method: string;
  readonly headers: Headers;
  readonly query: URLSearchParams;
  /** The header's value. */
  readonly contentType: string | null;
  /** At most what the route lets through. */
  readonly body: Uint8Array;
}
