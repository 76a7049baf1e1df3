import { json } from "../answer.ts";
import type { ServerDeps } from "../deps.ts";
import type { Route } from "../route.ts";
import { healthView } from "../schemas.ts";

/** `/healthz` and `/readyz`: a status, nothing else; the log says why. */
export function healthRoutes({ draining, unready, log }: ServerDeps): readonly Route[] {
  let said: string | null = null;

  async function isReady(): Promise<boolean> {
    if (draining()) return false;
    const why = await unready();
    if (why !== null && why !== said) log.warn("unready", `not ready: ${why}`);
    said = why;
    return why === null;
  }

  const route = (path: string, summary: string, handle: Route["handle"], answers: Route["answers"]): Route => ({
    method: "GET",
    path,
    summary,
    access: "open",
    crowd: "none",
    body: { kind: "none" },
    answers,
    handle,
  });
  const ok = { description: "Yes.", type: "application/json", schema: healthView } as const;
  return [
    route("/healthz", "Whether the server is alive", async () => json({ status: "ok" }), { 200: ok }),
    route(
      "/readyz",
      "Whether the server takes jobs",
      async () => ((await isReady()) ? json({ status: "ok" }) : json({ status: "unavailable" }, 503)),
      { 200: ok, 503: { ...ok, description: "No: it is stopping, or can store nothing." } },
    ),
  ];
}
