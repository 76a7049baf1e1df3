const LONGEST_SECONDS = 60;

/** Milliseconds of `Prefer: wait=30`, at most a minute; null when the request does not ask for a wait. */
export function preferredWait({ headers }: Pick<Request, "headers">): number | null {
  const match = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?(?=$|[,;\s])/i.exec(headers.get("prefer") ?? "");
  return match === null ? null : Math.min(Number(match[1]), LONGEST_SECONDS) * 1000;
}
