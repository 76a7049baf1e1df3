import { dashboardPage } from "../dashboard/page.ts";
import type { Route } from "../route.ts";

/** `/`: the dashboard, a page without data. */
export function pageRoutes(): readonly Route[] {
  const { html, csp } = dashboardPage();
  return [
    {
      method: "GET",
      path: "/",
      summary: "The dashboard",
      access: "open",
      crowd: "none",
      body: { kind: "none" },
      answers: { 200: { description: "A page that asks for a token.", type: "text/html" } },
      handle: async () =>
        new Response(html, {
          headers: {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": csp,
            "x-frame-options": "DENY",
            "cache-control": "no-cache",
          },
        }),
    },
  ];
}
