import { toJsonSchema } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";
import { ERROR_CLASSES, type ErrorCode } from "../errors.ts";
import { VERSION } from "../version.ts";
import type { BodyRule, Route, RouteAnswer } from "./route.ts";
import { problemView } from "./schemas.ts";

type Table = Readonly<Record<string, unknown>>;

/** OpenAPI 3.1 of the routes, made from the very schemas that requests are parsed with. */
export function openApi(routes: readonly Route[]): Table {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    Object.assign(paths[route.path] ?? {}, { [route.method.toLowerCase()]: operation(route) });
  }
  return {
    openapi: "3.1.0",
    info: { title: "hoist", version: VERSION, description: "Uploads to file hosts, queued by HTTP." },
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: { Problem: schemaOf(problemView, "output") },
    },
  };
}

function operation(route: Route): Table {
  const { summary, access, body } = route;
  return {
    summary,
    ...(access === "open" ? { security: [] } : {}),
    ...(access === "hook" ? { description: "Proves itself as the hook's `auth` says." } : {}),
    ...(access === "open" || access === "hook" ? {} : { security: [{ token: [access] }] }),
    parameters: [...pathParameters(route), ...queryParameters(route), ...headerParameters(route)],
    ...(body.kind === "none" ? {} : { requestBody: requestBody(body) }),
    responses: {
      ...Object.fromEntries(Object.entries(route.answers).map(([status, answer]) => [status, responseOf(answer)])),
      ...Object.fromEntries(problemStatuses(route).map((status) => [status, PROBLEM])),
    },
  };
}

function pathParameters({ path }: Route): Table[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

/** `labels` is written `label.KEY`, one parameter for each. */
function queryParameters({ query }: Route): Table[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(query, "input") as {
    readonly properties?: Readonly<Record<string, Table>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) =>
    name === "labels"
      ? { name: "label.KEY", in: "query", description: "Any number of labels.", schema: { type: "string" } }
      : { name, in: "query", required: required.includes(name), schema },
  );
}

function headerParameters({ headers = {} }: Route): Table[] {
  return Object.entries(headers).map(([name, description]) => ({
    name,
    in: "header",
    description,
    schema: { type: "string" },
  }));
}

function requestBody(body: Exclude<BodyRule, { readonly kind: "none" }>): Table {
  switch (body.kind) {
    case "json":
      return { required: true, content: { "application/json": { schema: schemaOf(body.schema, "input") } } };
    case "payload":
      return { content: { "application/json": {}, "application/x-www-form-urlencoded": {} } };
    case "file":
      return { required: true, content: { "*/*": { schema: { type: "string", format: "binary" } } } };
  }
}

function responseOf({ description, type, schema, orText }: RouteAnswer): Table {
  if (type === null) return { description };
  return {
    description,
    content: {
      [type]: schema === undefined ? {} : { schema: schemaOf(schema, "output") },
      ...(orText === true ? { "text/plain": { schema: { type: "string" } } } : {}),
    },
  };
}

const PROBLEM = {
  description: "A problem.",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

const EVERYWHERE: readonly ErrorCode[] = ["misdirected", "forbidden", "method", "internal"];

/** Statuses a route may refuse with, besides its answers. */
function problemStatuses({ access, crowd, body, query, path, answers }: Route): number[] {
  const codes = new Set(EVERYWHERE);
  if (access !== "open") codes.add("unauthorized");
  if (crowd !== "none") codes.add("draining");
  if (query !== undefined || body.kind !== "none") codes.add("usage");
  if (path.includes("{")) codes.add("not_found");
  if (body.kind !== "none") codes.add("too_large");
  if (body.kind === "json" || body.kind === "payload") codes.add("unsupported_type");
  if (access === "submit" || access === "hook") {
    for (const code of ["source", "queue_full", "state"] as const) codes.add(code);
  }
  if (access === "manage") codes.add("conflict");
  return [...new Set([...codes].map((code) => ERROR_CLASSES[code].http))]
    .filter((status) => !(status in answers))
    .sort((a, b) => a - b);
}

/** What JSON Schema cannot say (checks of our own, parsing) is left out: the server judges it all the same. */
function schemaOf(schema: GenericSchema, typeMode: "input" | "output"): Table {
  const { $schema: _, ...rest } = toJsonSchema(schema, { errorMode: "ignore", typeMode, target: "draft-2020-12" });
  return rest;
}
