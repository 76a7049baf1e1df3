import { afterAll, expect, test } from "bun:test";
import { exemptLoopbackFromProxy, proxyOf } from "../../src/http/proxy.ts";

const proxy = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("through the proxy") });
const host4 = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("direct") });
const host6 = Bun.serve({ port: 0, hostname: "::1", fetch: () => new Response("direct") });
afterAll(() => Promise.all([proxy, host4, host6].map((server) => server.stop(true))));

const PROXY_VARIABLES = /^(?:https?|all|no)_proxy$/i;

/** A process of its own: proxy variables belong to the whole process. */
async function fetchBehindProxy(url: string, exempt: boolean): Promise<string> {
  const script = `
    import { exemptLoopbackFromProxy } from ${JSON.stringify(new URL("../../src/http/proxy.ts", import.meta.url).pathname)};
    if (${exempt}) exemptLoopbackFromProxy(process.env, [${JSON.stringify(url)}]);
    process.stdout.write(await (await fetch(${JSON.stringify(url)})).text());`;
  const inherited = Object.entries(process.env).filter(([name]) => !PROXY_VARIABLES.test(name));
  const child = Bun.spawn([process.execPath, "-e", script], {
    env: { ...Object.fromEntries(inherited), http_proxy: `http://127.0.0.1:${proxy.port}` },
    stdout: "pipe",
  });
  return new Response(child.stdout).text();
}

test("loopback goes through a proxy unless it is exempted", async () => {
  expect(await fetchBehindProxy(`http://127.0.0.1:${host4.port}/`, false)).toBe("through the proxy");
});

test.each([
  `http://127.0.0.1:${host4.port}/`,
  `http://localhost:${host4.port}/`,
  `http://[::1]:${host6.port}/`,
  `http://hoist.localhost:${host4.port}/`,
])("%s never goes through a proxy", async (url) => {
  expect(await fetchBehindProxy(url, true)).toBe("direct");
});

test("other hosts stay behind the proxy", async () => {
  expect(await fetchBehindProxy("http://uploads.example/", true)).toBe("through the proxy");
});

test("what the user exempted is kept, in both spellings", () => {
  const env: Record<string, string | undefined> = { HTTPS_PROXY: "http://p", NO_PROXY: "a.example, b.example" };
  exemptLoopbackFromProxy(env, ["http://127.0.0.2:1/x", "https://public.example"]);
  expect(env.NO_PROXY).toBe("a.example,b.example,127.0.0.1,localhost,::1,[::1],127.0.0.2");
  expect(env.no_proxy).toBe(env.NO_PROXY);
});

test("without a proxy nothing is touched", () => {
  const env = { PATH: "/bin", HTTP_PROXY: "" };
  exemptLoopbackFromProxy(env);
  expect(env).toEqual({ PATH: "/bin", HTTP_PROXY: "" });
});

test.each([
  ["https://host.example", { HTTPS_PROXY: "http://p:1" }, "p:1"],
  ["https://host.example", { https_proxy: "http://l:1", HTTPS_PROXY: "http://p:1" }, "l:1"],
  ["https://host.example", { HTTP_PROXY: "http://p:1" }, null],
  ["http://host.example", { HTTP_PROXY: "http://p:1", HTTPS_PROXY: "" }, "p:1"],
  ["https://host.example", { ALL_PROXY: "http://p:1" }, "p:1"],
  ["https://127.0.0.1:8", { ALL_PROXY: "http://p:1" }, null],
  ["https://a.host.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "x, .host.example" }, null],
  ["https://host.example:8", { HTTPS_PROXY: "http://p:1", no_proxy: "host.example:8" }, null],
  ["https://ahost.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "host.example" }, "p:1"],
  ["https://host.example", { HTTPS_PROXY: "http://p:1", NO_PROXY: "*" }, null],
])("%s with %j goes through %p", (url, env, proxy) => {
  expect(proxyOf(url, env)?.host ?? null).toBe(proxy);
});
