import { AppError } from "../errors.ts";
import type { AccountEndpoint } from "../hosts/host.ts";
import { isLoopbackHost } from "../http/address.ts";

/**
 * A base URL as configured; a path prefix is kept. Fails with `config`, naming `what` (variable or key) and never the
 * URL. Plain http is for loopback.
 */
export function parseEndpoint(url: string, what: string): AccountEndpoint & { readonly origin: string } {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || (parsed.protocol !== "https:" && parsed.protocol !== "http:")) {
    throw invalid(what, "must be a URL such as https://host.example");
  }
  if (parsed.username !== "" || parsed.password !== "") throw invalid(what, "must not hold a user name or password");
  if (parsed.search !== "" || parsed.hash !== "") throw invalid(what, "must not hold a query or fragment");
  const loopback = isLoopbackHost(parsed.hostname);
  if (parsed.protocol === "http:" && !loopback)
    throw invalid(what, "plain http is allowed on loopback only", "use https");
  return { baseUrl: parsed.href.replace(/\/+$/, ""), loopback, origin: parsed.origin };
}

function invalid(what: string, why: string, hint?: string): AppError {
  return new AppError("config", `${what}: ${why}`, { hint });
}
