import { describe, expect, test } from "bun:test";
import { assertLink, assertUploadUrl, isLoopbackHost, isPrivateAddress } from "../../src/http/address.ts";

const LIVE = { loopback: false };
const LOCAL = { loopback: true };
const hostOf = (url: string) => new URL(url).hostname;

describe("loopback", () => {
  test.each(["127.0.0.1", "127.255.0.9", "localhost", "LOCALHOST", "localhost.", "api.localhost", "::1", "[::1]"])(
    "%s is this machine",
    (host) => expect(isLoopbackHost(host)).toBe(true),
  );
  test.each(["128.0.0.1", "0.0.0.0", "10.0.0.1", "localhost.example", "notlocalhost", "::2", "uploadgig.com", ""])(
    "%s is not",
    (host) => expect(isLoopbackHost(host)).toBe(false),
  );
});

describe("private addresses", () => {
  test.each([
    "http://10.1.2.3/",
    "http://172.31.255.255/",
    "http://192.168.0.1/",
    "http://169.254.169.254/",
    "http://100.64.0.1/",
    "http://0.0.0.0/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://127.1/",
    "http://017700000001/",
    "http://127.0.0.1./",
    "http://１２７.０.０.１/",
    "http://[::]/",
    "http://[::1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::a00:1]/",
    "http://[2002:a00:1::]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://localhost/",
    "http://printer/",
    "http://nas.local/",
    "http://metadata.google.internal/",
  ])("%s", (url) => expect(isPrivateAddress(hostOf(url))).toBe(true));

  test.each([
    "http://203.0.113.7:81/",
    "http://172.32.0.1/",
    "http://172.15.255.255/",
    "http://100.128.0.1/",
    "http://8.8.8.8/",
    "http://[2606:4700::1111]/",
    "http://[::ffff:8.8.8.8]/",
    "https://uploadgig.com/",
    "https://local.example/",
  ])("%s is public", (url) => expect(isPrivateAddress(hostOf(url))).toBe(false));
});

describe("upload addresses", () => {
  const action = "http://203.0.113.7:81/upload?identity=s3cret";

  test("a public address is given back untouched", () => {
    expect(assertUploadUrl(action, LIVE, { https: false })).toBe(action);
  });
  test.each([
    ["http where https is the rule", "http://203.0.113.7/u?identity=s3cret", true],
    ["private", "http://10.0.0.1:81/u?identity=s3cret", false],
    ["another scheme", "ftp://203.0.113.7/u?identity=s3cret", false],
    ["user information", "http://a:s3cret@203.0.113.7/u", false],
    ["no URL", "identity=s3cret", false],
  ])("%s is refused without quoting it", (_, url, https) => {
    expect(() => assertUploadUrl(url, LIVE, { https })).toThrow(
      expect.objectContaining({ code: "host_protocol", message: expect.not.stringContaining("s3cret") }),
    );
  });
  test("a loopback endpoint may name http and private addresses, but still only web addresses", () => {
    const local = "http://127.0.0.1:81/u";
    expect(assertUploadUrl(local, LOCAL, { https: true })).toBe(local);
    expect(() => assertUploadUrl("file:///etc/passwd", LOCAL, { https: true })).toThrow("not http or https");
  });
});

describe("links", () => {
  const link = (url: string, endpoint = LIVE) => assertLink(url, endpoint, ["uploadgig.com"]);

  test.each([
    "https://uploadgig.com/file/download/y/žluť 1.zip",
    "https://www.uploadgig.com/f",
    "https://UPLOADGIG.com/f",
  ])("%s stays as the host wrote it", (url) => expect(link(url)).toBe(url));
  test.each([
    "https://uploadgig.com.evil.example/f",
    "https://notuploadgig.com/f",
    "https://uploadgig.com@evil.example/f",
    "https://user@uploadgig.com/f",
    "http://uploadgig.com/f",
    "javascript:alert(1)//uploadgig.com",
    "https://127.0.0.1/f",
    "//uploadgig.com/f",
    "",
  ])("%p is refused", (url) => expect(() => link(url)).toThrow(expect.objectContaining({ code: "host_protocol" })));

  test("characters that would break a line or hide the address are percent-encoded", () => {
    expect(link("https://uploadgig.com/a\u202eb\u2028c")).toBe("https://uploadgig.com/a%E2%80%AEb%E2%80%A8c");
    expect(link("https://uploadgig.com/a\r\nb")).toBe("https://uploadgig.com/ab");
  });
  test("a loopback endpoint may link to itself and to the real domain, nowhere else", () => {
    expect(link("http://127.0.0.1:9/f", LOCAL)).toBe("http://127.0.0.1:9/f");
    expect(link("https://uploadgig.com/f", LOCAL)).toBe("https://uploadgig.com/f");
    expect(() => link("https://evil.example/f", LOCAL)).toThrow("domain");
  });
});
