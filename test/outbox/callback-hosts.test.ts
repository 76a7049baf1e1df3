import { describe, expect, test } from "bun:test";
import { mayConnect, parseCallbackHosts, refuseUrl } from "../../src/outbox/callback-hosts.ts";

const LISTED = parseCallbackHosts([
  "ci.example",
  "ci.example:8443",
  "http://plain.example:8080",
  "http://10.0.0.5:9000",
  "nas.lan",
  "http://nas.lan:80",
  "localhost",
  "[fd12::7]",
]);

describe("entries", () => {
  test.each(["", "https://", "ci.example/done", "u@ci.example", "a b", "ftp://ci.example", "ci.example:99999", "*"])(
    "%j is none",
    (entry) => {
      expect(() => parseCallbackHosts(["ok.example", entry])).toThrow("serve.callback_hosts[1] must be a host");
    },
  );

  test("are read as URLs spell hosts", () => {
    expect(parseCallbackHosts(["CI.Example.", "https://ci.example:443/", "http://127.1:80", "[::1]"])).toEqual([
      { host: "ci.example", port: null, http: false },
      { host: "ci.example", port: 443, http: false },
      { host: "127.0.0.1", port: 80, http: true },
      { host: "[::1]", port: null, http: true },
    ]);
  });
});

describe("a callback", () => {
  test.each([
    "https://ci.example/done?job=1",
    "https://CI.example./done",
    "https://ci.example:443/",
    "https://ci.example:8443/",
    "http://plain.example/",
    "http://plain.example:8080/",
    "https://plain.example/",
    "http://10.0.0.5:9000/x",
    "http://nas.lan/",
    "http://localhost:34567/",
    "https://[fd12::7]/",
  ])("may go to %s", (url) => expect(refuseUrl(url, LISTED)).toBeNull());

  test.each([
    ["no url", "the callback is no URL"],
    ["ftp://ci.example/", "the callback is not https"],
    ["javascript:alert(1)", "the callback is not https"],
    ["http://ci.example/", "the callback is not https"],
    ["http://ci.example:8443/", "the callback is not https"],
    ["https://u:p@ci.example/", "the callback holds a user name"],
    ["https://ci.example:22/", "the callback's port is not in serve.callback_hosts"],
    ["https://ci.example:80/", "the callback's port is not in serve.callback_hosts"],
    ["http://10.0.0.5/", "the callback's port is not in serve.callback_hosts"],
    ["https://10.0.0.5/", "the callback's port is not in serve.callback_hosts"],
    ["http://10.0.0.5:9001/", "the callback's port is not in serve.callback_hosts"],
    ["https://evil.ci.example/", "the callback's host is not in serve.callback_hosts"],
    ["https://ci.example.evil.example/", "the callback's host is not in serve.callback_hosts"],
    // Every spelling of loopback, private, translated and metadata addresses.
    ["http://127.0.0.1/", "the callback's host is not in serve.callback_hosts"],
    ["http://2130706433/", "the callback's host is not in serve.callback_hosts"],
    ["http://0x7f000001/", "the callback's host is not in serve.callback_hosts"],
    ["http://0177.0.0.1/", "the callback's host is not in serve.callback_hosts"],
    ["http://127.1/", "the callback's host is not in serve.callback_hosts"],
    ["http://１２７.０.０.１/", "the callback's host is not in serve.callback_hosts"],
    ["http://0/", "the callback's host is not in serve.callback_hosts"],
    ["http://[::1]/", "the callback's host is not in serve.callback_hosts"],
    ["http://[::ffff:127.0.0.1]/", "the callback's host is not in serve.callback_hosts"],
    ["http://[::ffff:10.0.0.5]:9000/", "the callback's host is not in serve.callback_hosts"],
    ["http://[64:ff9b::7f00:1]/", "the callback's host is not in serve.callback_hosts"],
    ["http://[fd00:ec2::254]/", "the callback's host is not in serve.callback_hosts"],
    ["http://169.254.169.254/", "the callback's host is not in serve.callback_hosts"],
    ["http://100.64.0.1/", "the callback's host is not in serve.callback_hosts"],
  ])("may not go to %s", (url, why) => expect(refuseUrl(url, LISTED)).toBe(why));
});

describe("an address that a name leads to", () => {
  const PRIVATE = [
    "127.0.0.1",
    "127.255.0.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "fd00:ec2::254",
    "fc00::1",
    "fe80::1",
    "ff02::1",
  ];

  test.each(PRIVATE)("%s: not for a public name", (address) => {
    expect(mayConnect(address, "ci.example", parseCallbackHosts(["ci.example", "http://ci.example"]))).toBe(false);
  });

  test.each(["93.184.216.34", "2606:2800:220:1::1"])("%s: for a public name", (address) => {
    expect(mayConnect(address, "ci.example", LISTED)).toBe(true);
  });

  test.each([
    ["10.0.0.5", "ci.example", true],
    ["fd12::7", "ci.example", true],
    ["fd12:0::7", "ci.example", true],
    ["10.0.0.6", "ci.example", false],
    ["192.168.1.9", "nas.lan", true],
    ["127.0.0.1", "nas.lan", false],
    ["0.0.0.0", "nas.lan", false],
    ["::ffff:127.0.0.1", "nas.lan", false],
    ["169.254.169.254", "nas.lan", false],
    ["fd00:ec2::254", "nas.lan", false],
    ["127.0.0.1", "localhost", true],
    ["::1", "localhost", true],
    ["192.168.1.9", "localhost", false],
  ])("%s for %s: %p", (address, hostname, allowed) => {
    expect(mayConnect(address, hostname, LISTED)).toBe(allowed);
  });
});
