import { afterAll, beforeAll, expect, test } from "bun:test";
import { serverRoutes } from "../../src/server/routes.ts";
import { type Stage, stage } from "./fixture.ts";

let at: Stage;
beforeAll(async () => {
  at = await stage();
});
afterAll(() => at[Symbol.asyncDispose]());

interface Operation {
  readonly summary: string;
  readonly security?: readonly unknown[];
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: unknown }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema?: Record<string, unknown> }> };
  readonly responses: Record<string, { readonly description: string; readonly content?: Record<string, unknown> }>;
}

async function document() {
  const response = await at.fetch("/openapi.json");
  return (await response.json()) as { openapi: string; paths: Record<string, Record<string, Operation>> };
}

const table = () => serverRoutes({ jobs: at.jobs } as never);

test("every route of the table is in it, and nothing else", async () => {
  const { openapi, paths } = await document();
  expect(openapi).toBe("3.1.0");
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.sort()).toEqual(
    table()
      .map(({ method, path }) => `${method} ${path}`)
      .sort(),
  );
});

test("the contract's routes are all there", async () => {
  const { paths } = await document();
  const contract = {
    "/v1/jobs": ["get", "post"],
    "/v1/jobs/{id}": ["delete", "get"],
    "/v1/jobs/{id}/cancel": ["post"],
    "/v1/jobs/{id}/retry": ["post"],
    "/v1/files/{name}": ["put"],
    "/v1/events": ["get"],
    "/hooks/{name}": ["get", "post"],
    "/v1/accounts": ["get"],
    "/v1/accounts/{name}/pause": ["post"],
    "/v1/accounts/{name}/resume": ["post"],
    "/healthz": ["get"],
    "/readyz": ["get"],
    "/metrics": ["get"],
    "/openapi.json": ["get"],
    "/": ["get"],
  };
  const found = Object.entries(paths).map(([path, methods]) => [path, Object.keys(methods).sort()]);
  expect(Object.fromEntries(found)).toEqual(contract);
});

test("says what a job's request looks like, from the schema that judges it", async () => {
  const { paths } = await document();
  const schema = paths["/v1/jobs"]?.post?.requestBody?.content["application/json"]?.schema;
  expect(schema).toMatchObject({ type: "object", required: ["path"], additionalProperties: false });
  const keys = Object.keys((schema?.properties ?? {}) as object).sort();
  expect(keys).toEqual([
    "after",
    "callback",
    "firstNumber",
    "hook",
    "labels",
    "name",
    "notBefore",
    "path",
    "recursive",
    "resumable",
    "to",
  ]);
  const list = paths["/v1/jobs"]?.get?.parameters.map(({ name }) => name);
  expect(list).toEqual(["state", "account", "limit", "after", "label.KEY"]);
  const put = paths["/v1/files/{name}"]?.put?.parameters.map(({ name }) => name);
  expect(put).toEqual([
    "name",
    "to",
    "label.KEY",
    "notBefore",
    "callback",
    "resumable",
    "name",
    "Idempotency-Key",
    "Prefer",
  ]);
});

test("every answer has words, every JSON answer a shape, every refusal is a problem", async () => {
  const { paths } = await document();
  for (const [path, methods] of Object.entries(paths)) {
    for (const { summary, responses } of Object.values(methods)) {
      expect(summary).not.toBe("");
      for (const [status, { description, content = {} }] of Object.entries(responses)) {
        expect(description).not.toBe("");
        if (Number(status) >= 400 && path !== "/readyz") {
          expect(content).toEqual({ "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } });
        }
        if ("application/json" in content && path !== "/openapi.json") {
          expect(content["application/json"]).toHaveProperty("schema");
        }
      }
    }
  }
});

test("without a token only the page and the two questions about health are answered", async () => {
  const { paths } = await document();
  const open: string[] = [];
  for (const [path, methods] of Object.entries(paths)) {
    for (const method of Object.keys(methods)) {
      const where = path.replace("{id}", "job-1").replace("{name}", "x");
      const response = await at.fetch(where, { method: method.toUpperCase(), token: null });
      await response.body?.cancel();
      if (response.status === 200) open.push(path);
      else expect([401, 404]).toContain(response.status);
    }
  }
  expect(open.sort()).toEqual(["/", "/healthz", "/readyz"]);
});
