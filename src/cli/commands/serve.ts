import { exitOfStop } from "../../core/stop.ts";
import { readCount, readDuration } from "../argv/read-values.ts";
import { defineCommand } from "../command.ts";

export const serve = defineCommand({
  name: "serve",
  summary: "take uploads by HTTP and by webhooks of other programs",
  details: [
    "Listens on this machine alone unless told otherwise, and lets nobody in without a token: those of [[serve.tokens]] " +
      "and HOIST_SERVE_TOKEN, else one that it makes in the state directory. A unix socket needs none: whoever can " +
      "open it is let in.",
    "Files of this machine can be named only below [serve] roots; files can be sent from anywhere. A job that was " +
      "accepted is on disk: it survives crashes and restarts.",
    "SIGTERM and Ctrl-C end it when the running uploads have ended, or after --grace; a second signal ends it at once. " +
      "SIGHUP loads configuration and secrets again, and keeps the old ones when the new are wrong.",
    "hoist serve token new makes a token.",
  ],
  examples: [
    ["hoist serve", "on http://127.0.0.1:7411, with a page to look at"],
    ["HOIST_SERVE_ROOTS=/srv/media hoist serve --listen unix:/run/hoist/hoist.sock", "on a unix socket"],
    [
      "curl -T a.iso -H \"Authorization: Bearer $TOKEN\" 'http://127.0.0.1:7411/v1/files/?to=ulozto:/ISO'",
      "send it a file",
    ],
  ],
  options: {
    listen: {
      type: "value",
      hint: "ADDRESS",
      summary: "host:port, [address]:port or unix:/path (default: 127.0.0.1:7411)",
    },
    parallel: { type: "value", short: "j", hint: "N", summary: "uploads at a time, 1 to 64 (default: 4)" },
    grace: {
      type: "value",
      hint: "DUR",
      summary: "how long running uploads may go on when it is stopped (default: 60s)",
    },
    allowHost: { type: "list", hint: "HOST", summary: "a name under which clients reach it, such as hoist:7411" },
  },
  async run(context, values) {
    const flags = {
      listen: values.listen,
      parallel: readCount("--parallel", values.parallel, { min: 1, max: 64 }),
      graceMs: readDuration("--grace", values.grace),
      allowHosts: values.allowHost,
    };
    const { runServer } = await import("../run-server.ts");
    await runServer(context, flags);
    return exitOfStop(context.io.signal) ?? 0;
  },
});
