/** What a request asks for. */
export interface Target {
  /** Not decoded; dot segments are resolved where the URL has a host. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/**
 * Path and query of `request.url`. Its host is not looked at: it comes from the `Host` header and may be anything, in
 * which case the URL is the bare path.
 */
export function targetOf(url: string): Target {
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3);
  const target = start === -1 ? "" : url.slice(start).replace(/#.*/s, "");
  const mark = target.indexOf("?");
  return mark === -1
    ? { path: target, query: new URLSearchParams() }
    : { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}
