import type { Preset, SenderSetup } from "../preset.ts";
import { curlCommand, curlJson, curlQuery, SECRET, urlFor } from "./curl.ts";

/** Knows nothing: `path` in the hook's section says where to look. A signing forge announces itself by a ping. */
export const generic: Preset = {
  name: "generic",
  directories: false,
  pathTellsApart: false,
  sameFile: null,
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
      ...commands(sender).map((command) => `  ${command}`),
      '  A header "Idempotency-Key: …" makes repeated requests count once.',
    ];
  },
};

/** One for each method that the hook takes and that can say what it has to. */
function commands(sender: SenderSetup): readonly string[] {
  const { methods, example } = sender;
  const fields = example.fields?.map(([name, value]) => shellWord(`${name}=${value}`)) ?? null;
  const post = fields === null ? curlJson(sender, example.json) : curlCommand(sender, fields);
  const get = fields === null ? "(by GET nothing deeper than $.field can be sent)" : curlQuery(sender, fields);
  return [...(methods.includes("POST") ? [post] : []), ...(methods.includes("GET") ? [get] : [])];
}

/** Between double quotes. */
function shellWord(text: string): string {
  return text.replace(/["$\\`]/g, "\\$&");
}
