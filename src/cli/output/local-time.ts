/** `2026-01-31 18:00:05`. */
export function localTime(ms: number): string {
  return new Date(ms).toLocaleString("sv-SE");
}
