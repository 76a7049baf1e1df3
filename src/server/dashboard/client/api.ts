/** What the server says when it refuses. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const TOKEN = "hoist.token";

/** Kept for this tab only. */
export function storedToken(): string | null {
  return sessionStorage.getItem(TOKEN);
}

export function storeToken(token: string | null): void {
  if (token === null) sessionStorage.removeItem(TOKEN);
  else sessionStorage.setItem(TOKEN, token);
}

/** A request with the stored token. Throws Refusal with the server's own words. */
export async function call(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${storedToken() ?? ""}`);
  const response = await fetch(path, { ...init, method, headers, cache: "no-store" });
  if (response.ok) return response;
  const problem: { title?: string; detail?: string } = await response.json().catch(() => ({}));
  throw new Refusal(response.status, problem.detail ?? problem.title ?? `HTTP ${response.status}`);
}

export async function json<T>(method: string, path: string): Promise<T> {
  const response = await call(method, path);
  return (await response.json()) as T;
}
