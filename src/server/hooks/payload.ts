import { AppError } from "../../errors.ts";
import type { Hook } from "./hook.ts";
import type { HookRequest } from "./request.ts";

/** What a sender says, parsed but not yet understood. */
export interface Payload {
  /** JSON as it came, or form and query fields as one flat object. */
  readonly value: unknown;
  /** Fields are texts only: `1` and `true` come as "1" and "true". */
  readonly fields: boolean;
  readonly headers: Headers;
}

/** How a body is written; null for a content type that no hook takes. */
export function bodyKind(contentType: string | null): "json" | "form" | null {
  const type = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "application/json" || /^application\/[\w.+-]+\+json$/.test(type)) return "json";
  return type === "application/x-www-form-urlencoded" ? "form" : null;
}

/** Whether a request of this kind can be understood; what cannot is answered 415. */
export function takesContentType(
  { methods }: Pick<Hook, "methods">,
  { method, contentType }: Pick<HookRequest, "method" | "contentType">,
): boolean {
  return method === "GET" || (contentType === null ? methods.includes("GET") : bodyKind(contentType) !== null);
}

/** The body, or the query where the hook takes a GET and there is no body. Fails with `usage`, without quoting. */
export function readPayload(hook: Pick<Hook, "methods" | "auth">, request: HookRequest): Payload {
  const { headers, body, contentType } = request;
  if (!takesContentType(hook, request)) throw new AppError("usage", "the content type is neither JSON nor a form");
  if (contentType === null && body.length > 0) throw new AppError("unsupported_type", "the body has no content type");
  if (request.method === "GET" || (contentType === null && body.length === 0)) {
    const query = new URLSearchParams(request.query);
    // The secret is no part of what is said: a template could put it into a folder's name.
    if (hook.auth?.kind === "query_token") query.delete("token");
    return { value: fieldsOf(query), fields: true, headers };
  }
  const text = decode(body);
  if (bodyKind(contentType) === "form") return { value: fieldsOf(new URLSearchParams(text)), fields: true, headers };
  try {
    return { value: parse(text), fields: false, headers };
  } catch {
    throw new AppError("usage", "the body is not valid JSON");
  }
}

/** Whole numbers that have no exact value here stay as they are written: as text. */
function parse(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  try {
    return JSON.parse(text, exact);
  } catch {
    // Nested more deeply than it can be looked through, or no JSON.
    return JSON.parse(text);
  }
}

function exact(_key: string, value: unknown, written?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = written?.source ?? "";
  return /^-?\d+$/.test(source) ? source : value;
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new AppError("usage", "the body is not valid UTF-8");
  }
}

/** A repeated field is a list. `fromEntries` defines members, so that `__proto__` is a field like any other. */
function fieldsOf(params: URLSearchParams): unknown {
  return Object.fromEntries(
    [...new Set(params.keys())].map((key) => {
      const values = params.getAll(key);
      return [key, values.length === 1 ? values[0] : values];
    }),
  );
}
