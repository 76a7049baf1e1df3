import type { GenericSchema } from "valibot";
import type { Scope } from "../config/serve-schema.ts";
import type { Grant } from "./grant.ts";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** What a route does with a request's body. */
export type BodyRule =
  /** There is none, or nobody looks at it. */
  | { readonly kind: "none" }
  /** JSON only, of this shape. */
  | { readonly kind: "json"; readonly schema: GenericSchema }
  /** What a hook takes. */
  | { readonly kind: "payload" }
  /** The body is a file: read by the route itself. */
  | { readonly kind: "file" };

/** Requests of one crowd are counted together; "none" are not counted. */
export type CrowdName = "requests" | "streams" | "files" | "none";

export interface RouteAnswer {
  readonly description: string;
  /** Null: no body. */
  readonly type: "application/json" | "text/plain" | "text/event-stream" | "text/html" | null;
  readonly schema?: GenericSchema;
  /** The answer's links or states as text, with `Accept: text/plain`. */
  readonly orText?: true;
}

/** One line of the server's table, which drives the guard, 405 and the OpenAPI document. */
export interface Route {
  readonly method: Method;
  /** As OpenAPI writes it: `/v1/jobs/{id}`. */
  readonly path: string;
  /** The last parameter takes all the rest, slashes too. */
  readonly rest?: true;
  readonly summary: string;
  readonly access: Scope | "open" | "hook";
  readonly crowd: CrowdName;
  readonly body: BodyRule;
  /** Of the query's parameters, by name. */
  readonly query?: GenericSchema;
  /** Understood besides what every route understands. */
  readonly headers?: Readonly<Record<string, string>>;
  /** By status, without the problems that every route may answer with. */
  readonly answers: Readonly<Record<number, RouteAnswer>>;
  handle(call: Call): Promise<Response>;
}

/** A request that has passed the guard. */
export interface Call {
  readonly request: Request;
  readonly id: string;
  /** As they stand in the path, not decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Who asks; of nobody on open routes. */
  readonly grant: Grant;
  /** The parsed value of a JSON body; null on other routes. */
  readonly input: unknown;
  /** The raw bytes of a hook's body; empty on other routes. */
  readonly payload: Uint8Array;
  /** A signed message's id; null without one. */
  readonly messageId: string | null;
  /** Aborted when nobody waits for the answer any more, or shall not. */
  readonly gone: AbortSignal;
  /** `Accept` puts text/plain above JSON. */
  readonly wantsText: boolean;
  /** From now on the request may be silent for as long as it likes. */
  lift(): void;
  /** The request's place in its crowd is given back by the returned function, not by the answer. */
  hold(): () => void;
}
