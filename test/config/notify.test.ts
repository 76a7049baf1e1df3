import { afterAll, describe, expect, test } from "bun:test";
import { readNotifyTargets } from "../../src/config/notify.ts";
import { parseConfig } from "../../src/config/read-file.ts";
import { notifyBody, notifyContentType } from "../../src/outbox/notify-message.ts";
import { target, view } from "../outbox/fixture.ts";
import { Home } from "./fixture.ts";

const home = new Home();
afterAll(() => home[Symbol.dispose]());

async function targetsOf(toml: string, env: Readonly<Record<string, string>> = {}) {
  const { notify = [] } = await parseConfig("c.toml", toml);
  return readNotifyTargets(notify, { configPath: `${home.path}/config.toml`, env });
}

describe("[[notify]]", () => {
  test("takes its URL and headers as texts or from where secrets stand", async () => {
    await home.write("url", "https://discord.example/hook/S3CRET\n");
    const targets = await targetsOf(
      `[[notify]]
       url = { file = "url" }
       on = ["failed"]
       json = { content = "{name}: {state}", embeds = [{ title = "{url}" }] }
       [[notify]]
       name = "phone"
       url = "http://me:p%40ss@10.0.0.5:8080/topic?x=1"
       headers = { Title = "hoist", X-Key = { env = "KEY" } }`,
      { KEY: "k3y" },
    );
    expect(targets).toEqual([
      {
        name: "1",
        on: ["failed"],
        url: "https://discord.example/hook/S3CRET",
        headers: {},
        body: undefined,
        json: { content: "{name}: {state}", embeds: [{ title: "{url}" }] },
      },
      {
        name: "phone",
        on: ["failed", "unknown", "captcha", "paused", "done"],
        url: "http://10.0.0.5:8080/topic?x=1",
        headers: { Authorization: `Basic ${btoa("me:p@ss")}`, Title: "hoist", "X-Key": "k3y" },
        body: undefined,
        json: undefined,
      },
    ]);
  });

  test.each([
    ['[[notify]]\non = ["done"]', "notify[0].url is missing"],
    ['[[notify]]\nurl = "https://n.example"\non = ["ended"]', "notify[0].on[0] must be one of failed, unknown"],
    ['[[notify]]\nurl = "https://n.example"\nbody = "{nmae}"', "notify[0].body has a placeholder"],
    ['[[notify]]\nurl = "https://n.example"\njson = { a = ["{nmae}"] }', "notify[0].json "],
    ['[[notify]]\nurl = "https://n.example"\nbody = "a"\njson = true', "notify[0] has both body and json"],
    ['[[notify]]\nurl = "https://n.example"\nheaders = { "a b" = "x" }', "is no header name"],
    ['[[notify]]\nurl = "https://n.example"\nhedaers = {}', "the nearest is headers"],
    ['[[notify]]\nname = "a"\nurl = "x:y"\n[[notify]]\nname = "a"\nurl = "x:y"', "notify has a name twice"],
    ['[[notify]]\nurl = "S3CRET no url"', "notify[0].url must be a URL"],
    ['[[notify]]\nurl = { env = "UNSET" }', "notify[0].url: its variable is not set"],
    [
      '[[notify]]\nurl = "https://n.example"\nheaders = { A = "a\\nb" }',
      "notify[0].headers.A has a forbidden character",
    ],
  ])("refuses %j", async (toml, message) => {
    const failure = await targetsOf(toml).then(
      () => "taken",
      (error: Error) => error.message,
    );
    expect(failure).toContain(message);
    expect(failure).not.toContain("S3CRET");
  });

  test("counts a literal in a header as a secret by the header's name, and no other", async () => {
    const literals = async (header: string) => {
      const { literalSecrets } = await import("../../src/config/secret-spec.ts");
      const text = `[[notify]]\nurl = "https://n.example/t"\nheaders = { ${header} = "x" }`;
      return literalSecrets(await parseConfig("c.toml", text));
    };
    expect(await literals("Priority")).toEqual([]);
    expect(await literals("Authorization")).toEqual(["notify.0.headers.Authorization"]);
    expect(await literals("X-Gotify-Key")).toEqual(["notify.0.headers.X-Gotify-Key"]);
  });
});

describe("a message", () => {
  const url = "https://n.example";
  const now = 0;
  const done = { kind: "done", job: view() } as const;

  test("fills its template in", () => {
    const body = "{{{name}}} {state} {account} {folder} {size} {id} {label.build}{label.none} {url}{error}";
    expect(notifyBody(target({ url, body }), done, now)).toBe(
      "{x.bin} done ulozto /ISO 3 job-1 42 https://host.example/f/1",
    );
  });

  test("fills the texts of a table in, as JSON, whatever they hold", () => {
    const job = view({}, { name: 'a"b\n\u202e.bin' });
    const json = { content: "{name}", priority: 5, list: ["{state}"], not: null };
    const table = target({ url, json });
    expect(JSON.parse(notifyBody(table, { kind: "done", job }, now))).toEqual({
      content: 'a"b\\u{a}\\u{202e}.bin',
      priority: 5,
      list: ["done"],
      not: null,
    });
    expect(notifyContentType(table)).toBe("application/json");
  });

  test("can be that of a callback", () => {
    expect(JSON.parse(notifyBody(target({ url, json: true }), done, now))).toEqual({
      type: "upload.completed",
      timestamp: "1970-01-01T00:00:00.000Z",
      data: view(),
    });
  });
});
