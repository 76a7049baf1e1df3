import { json } from "../answer.ts";
import { openApi } from "../openapi.ts";
import type { Route } from "../route.ts";

/** `/openapi.json`: the description of all routes, itself included. */
export function openApiRoutes(others: readonly Route[]): readonly Route[] {
  const routes: readonly Route[] = [
    {
      method: "GET",
      path: "/openapi.json",
      summary: "This document",
      access: "read",
      crowd: "requests",
      body: { kind: "none" },
      answers: { 200: { description: "OpenAPI 3.1.", type: "application/json" } },
      handle: async () => json(openApi([...others, ...routes])),
    },
  ];
  return routes;
}
