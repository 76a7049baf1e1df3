import type { Preset } from "../preset.ts";
import { curlCommand, SECRET, urlFor } from "./curl.ts";

/** Knows nothing: `path` in the hook's section says where to look. A signing forge announces itself by a ping. */
export const generic: Preset = {
  name: "generic",
  directories: false,
  recognize: ({ headers }) => (headers.get("x-github-event") === "ping" ? { kind: "test" } : null),
  find: () => ({ files: [], eventId: null }),
  sample: () => null,
  setup(sender) {
    if (sender.auth === "standard") {
      return ["Any sender of Standard Webhooks:", `  URL: ${urlFor(sender)}`, `  Secret: ${SECRET} (whsec_…)`];
    }
    if (sender.auth === "github") {
      return [
        "GitHub, Gitea, Forgejo: repository → Settings → Webhooks → Add webhook",
        `  URL: ${urlFor(sender)}`,
        "  Content type: application/json",
        `  Secret: ${SECRET}`,
      ];
    }
    return [
      "Anything that can send JSON or a form, such as:",
      `  ${curlCommand(sender, ["FIELD=VALUE"])}`,
      '  A header "Idempotency-Key: …" makes repeated requests count once.',
    ];
  },
};
