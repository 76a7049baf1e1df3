import { describe, expect, test } from "bun:test";
import { PRESETS } from "../../../src/config/hooks-schema.ts";
import { parseConfig } from "../../../src/config/read-file.ts";
import { describeHook, requestOf } from "../../../src/server/hooks/describe.ts";
import { hookOf, jobsOf, post } from "./fixture.ts";

const CANARY = "canary-canary-canary-canary";
const AUTHS = [
  "",
  `auth = { bearer = "${CANARY}" }`,
  `auth = { basic = { user = "me", password = "${CANARY}" } }`,
  `auth = { query_token = "${CANARY}" }`,
  `auth = { standard = "whsec_${CANARY}" }`,
  `auth = { github = "${CANARY}" }`,
];

async function setup(preset: string, auth: string) {
  const { hooks = {} } = await parseConfig("c", `[hooks.my_hook]\npreset = "${preset}"\npath = "$.p"\n${auth}`);
  const section = hooks.my_hook;
  if (section === undefined) throw new Error("no hook");
  return describeHook("my_hook", section, "http://127.0.0.1:7411/", []);
}

/** The command lines for a generic hook. */
async function commandsOf(toml: string): Promise<readonly string[]> {
  const { hooks = {} } = await parseConfig("c", `[hooks.x]\n${toml}`);
  const section = hooks.x;
  if (section === undefined) throw new Error("no hook");
  const { setup: lines } = describeHook("x", section, "http://h", ["/media"]);
  return lines.slice(1, -1).map((line) => line.trim());
}

describe.each(PRESETS)("what to set up in the sender: %s", (preset) => {
  test("names the URL and never the secret", async () => {
    for (const auth of AUTHS) {
      const { url, setup: lines } = await setup(preset, auth);
      expect(url).toBe("http://127.0.0.1:7411/hooks/my_hook");
      const text = lines.join("\n");
      expect(text).toContain(url);
      expect(text).not.toContain("canary");
      expect(text.includes(`${url}?token=HOOK_SECRET`)).toBe(auth.includes("query_token"));
    }
  });
});

test("a sender that cannot do what the hook asks for is said to", async () => {
  for (const preset of ["sonarr", "radarr", "qbittorrent", "transmission", "mediamtx", "bililive"]) {
    expect((await setup(preset, AUTHS[4] ?? "")).setup.join("\n")).toMatch(/cannot sign|no signature/);
  }
  expect((await setup("bililive", AUTHS[1] ?? "")).setup.join("\n")).toContain("query_token = …");
});

/** The fields of the first command line, with what the sender puts in place of its variables. */
function fieldsSent(lines: readonly string[], values: Readonly<Record<string, string>>): string {
  const fields = [...lines.join("\n").matchAll(/--data-urlencode "([^"=]+)=([^"]*)"/g)];
  return new URLSearchParams(
    fields.map(([, name = "", value = ""]): [string, string] => [name, values[value] ?? value]),
  ).toString();
}

test.each([
  ["qbittorrent", { "%F": "/d/a b&c=d", "%N": "a b&c=d", "%K": "abc" }],
  ["transmission", { $TR_TORRENT_DIR: "/d", $TR_TORRENT_NAME: "a b&c=d", $TR_TORRENT_HASH: "abc" }],
  ["mediamtx", { $MTX_SEGMENT_PATH: "/d/a b&c=d", $MTX_PATH: "cam" }],
  ["bililive", { "{{ .FileName }}": "/d/a b&c=d" }],
] as [string, Record<string, string>][])("what %s is told to send is understood", async (preset, values) => {
  const { setup: lines } = await setup(preset, AUTHS[1] ?? "");
  const hook = await hookOf(`[hooks.x]\npreset = "${preset}"\nto = ["flat"]`);
  const [job] = jobsOf(hook, post(fieldsSent(lines, values), "application/x-www-form-urlencoded"));
  expect(job?.path).toBe("/d/a b&c=d");
});

test("a line for YAML is one scalar", async () => {
  for (const auth of AUTHS) {
    const lines = (await setup("mediamtx", auth)).setup.filter((line) => line.includes("runOn"));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trim()).toMatch(/^runOnRecordSegmentComplete: '[^']*'$/);
  }
});

const START = 'curl -fsS -m 30 --retry 5 -H "Authorization: Bearer HOOK_SECRET"';

test.each([
  ['path = "$.file"', [`${START} --data-urlencode "file=/media/file.bin" "http://h/hooks/x"`]],
  [
    'path = "$.file"\nname = "$.n"\nmethods = ["GET", "POST"]\nwhen = [{ at = "$.ok", equals = true }]\nrewrite = [["/sent/", "/media"]]',
    ["", "-G "].map(
      (get) =>
        `${START} ${get}--data-urlencode "file=/sent/file.bin" --data-urlencode "n=NAME" --data-urlencode "ok=true" "http://h/hooks/x"`,
    ),
  ],
  ['path = "$.a.files[*].path"\nmethods = ["GET"]', ["(by GET nothing deeper than $.field can be sent)"]],
  [
    'path = "$.a.files[*].path"\nto = ["ulozto:/{payload.a.title}"]\nwhen = [{ at = "$.a.files[*].kind", in = ["it\'s", "b"] }, { at = "$.x[1]", exists = true }, { at = "$.gone", exists = false }]',
    [
      `${START} -H "Content-Type: application/json" -d '{"a":{"files":[{"path":"/media/file.bin","kind":"it'\\''s"}],"title":"TEXT"},"x":[null,"TEXT"]}' "http://h/hooks/x"`,
    ],
  ],
] as [string, string[]][])("what a generic hook is sent: %s", async (toml, lines) => {
  expect(await commandsOf(toml)).toEqual(lines);
});

test("what a generic hook is told to be sent is queued", async () => {
  const toml = `path = "$.a[*].p"\nname = "$.n"\nto = ["deep:/{payload.t}"]\nwhen = [{ at = "$.s", in = [1, 2] }]\nroots = ["/media"]`;
  const [line = ""] = await commandsOf(toml);
  const body = /-d '(.*)' "http/.exec(line)?.[1] ?? "";
  const [job] = jobsOf(await hookOf(`[hooks.x]\n${toml}`), post(body));
  expect(job).toMatchObject({ path: "/media/file.bin", name: "NAME", to: [{ folder: "/TEXT" }] });
});

test("a payload by hand is a form when it looks like it", () => {
  const kind = (text: string) => requestOf(new TextEncoder().encode(text)).contentType;
  expect(kind(' \n{"a":1}')).toBe("application/json");
  expect(kind("[1]")).toBe("application/json");
  for (const form of ["path=/a&x={}", "files=/a&files=/b", "path="]) {
    expect(kind(form)).toBe("application/x-www-form-urlencoded");
  }
  // What is neither is told to be no JSON, which says more than that it names no file.
  for (const text of ["", "not json", "a text = b", '{"a":"b=c"}', '"a=b"'])
    expect(kind(text)).toBe("application/json");
});
