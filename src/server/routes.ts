import type { ServerDeps } from "./deps.ts";
import type { Route } from "./route.ts";
import { accountRoutes } from "./routes/accounts.ts";
import { eventRoutes } from "./routes/events.ts";
import { fileRoutes } from "./routes/files.ts";
import { healthRoutes } from "./routes/health.ts";
import { hookRoutes } from "./routes/hooks.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { metricRoutes } from "./routes/metrics.ts";
import { openApiRoutes } from "./routes/openapi.ts";
import { pageRoutes } from "./routes/page.ts";

/** The table: everything the server answers to. */
export function serverRoutes(deps: ServerDeps): readonly Route[] {
  const routes = [
    ...jobRoutes(deps),
    ...fileRoutes(deps),
    ...eventRoutes(deps),
    ...hookRoutes(deps),
    ...accountRoutes(deps),
    ...healthRoutes(deps),
    ...metricRoutes(deps),
    ...pageRoutes(),
  ];
  return [...routes, ...openApiRoutes(routes)];
}
