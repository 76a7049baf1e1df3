import type { ServerDeps } from "../deps.ts";
import type { Route } from "../route.ts";

/** `/metrics`. */
export function metricRoutes({ metrics }: ServerDeps): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/metrics",
      summary: "Prometheus text",
      access: "read",
      crowd: "requests",
      body: { kind: "none" },
      answers: { 200: { description: "Metrics.", type: "text/plain" } },
      handle: async () => new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } }),
    },
  ];
}
