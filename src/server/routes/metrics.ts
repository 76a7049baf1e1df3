import type { ServerDeps } from "../deps.ts";
import type { Route } from "../route.ts";

/** `/metrics`. */
export function metricRoutes({ jobs, metrics }: ServerDeps): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/metrics",
      summary: "Prometheus text",
      access: "read",
      crowd: "requests",
      body: { kind: "none" },
      answers: { 200: { description: "Metrics.", type: "text/plain" } },
      async handle() {
        const text = await metrics.text(await jobs.depth());
        return new Response(text, { headers: { "content-type": metrics.contentType } });
      },
    },
  ];
}
