import { describe, expect, test } from "bun:test";
import { gate } from "../../e2e/stand-in/fault.ts";
import { type Harness, harness } from "./harness.ts";

const steps = (h: Harness) => h.host.seen.map((one) => one.step);
const lists = (h: Harness) => h.host.of("list-files").length;
const refused = { status: 410, body: { code: 410, message: "Dávka je uzavřena" } };

describe("the commit's answer", () => {
  test("that confirms needs no look into the folder", async () => {
    await using h = await harness();
    expect((await h.upload("a", "content", { folder: "/F" })).error).toBeNull();
    const before = lists(h);
    expect((await h.upload("b", "content", { folder: "/F" })).error).toBeNull();
    expect(lists(h)).toBe(before);
    expect(steps(h).at(-1)).toBe("commit");
  });

  test.each(["", {}, { status: null }])("%j is believed once the file stands in its folder", async (body) => {
    await using h = await harness();
    h.host.fault("commit", { body, effect: true });
    const { result } = await h.upload("a", "content", { folder: "/F/G" });
    expect(result?.remoteId).toBe(h.host.files[0]?.slug ?? "");
    expect(steps(h).at(-1)).toBe("list-files");
    expect(h.host.of("commit").length).toBe(1);
  });

  test.each(["", "{}", "[]"])(
    "%j without the file there is asked for again, and no body is sent for it",
    async (body) => {
      await using h = await harness();
      h.host.fault("commit", { status: 200, body });
      const { result, failures } = await h.upload("a", "content");
      expect(failures).toMatchObject([{ code: "host_protocol" }]);
      expect(result?.remoteId).toBe(h.host.files[0]?.slug ?? "");
      expect([h.host.of("upload").length, h.host.of("commit").length]).toEqual([1, 2]);
    },
  );

  test("that refuses after one that was lost is no refusal of a file that stands there", async () => {
    await using h = await harness();
    h.host.fault("commit", { breakAt: "answer" });
    h.host.fault("commit", refused);
    const { result, failures } = await h.upload("a", "content", { folder: "/F" });
    expect(failures).toMatchObject([{ code: "network" }]);
    expect(result?.remoteId).toBe(h.host.files[0]?.slug ?? "");
    expect(h.host.of("upload").length).toBe(1);
  });

  test("is judged so by a later process, too, which knows the folder by its name only", async () => {
    await using h = await harness();
    h.host.fault("commit", { breakAt: "answer" });
    await h.upload("a", "content", { folder: "/F/G", retries: 0 });
    h.host.fault("commit", refused);
    const { result, error } = await h.uploadWith(h.reopen(), "a", "content", {
      folder: "/F/G",
      resume: h.checkpoint("a"),
    });
    expect(error).toBeNull();
    expect(result?.remoteId).toBe(h.host.files[0]?.slug ?? "");
    expect(h.host.of("upload").length).toBe(1);
  });

  test("that refuses a file that is not there is the host's word", async () => {
    await using h = await harness();
    h.host.fault("commit", refused, 9);
    const { error } = await h.upload("a", "content");
    expect(error).toMatchObject({ code: "host_rejected", hostMessage: "Dávka je uzavřena" });
    expect(h.host.of("commit").length).toBe(1);
    expect(h.host.files).toEqual([]);
  });

  test("that confirms no file is no success: the file is sent once more", async () => {
    await using h = await harness();
    h.host.fault("commit", { status: 200, body: { status: "confirmed", files_count_ok: 0 } });
    const { result, failures } = await h.upload("a", "content");
    expect(failures).toMatchObject([{ code: "integrity" }]);
    expect(result?.remoteId).toBe(h.host.files[0]?.slug ?? "");
    expect(h.host.files.length).toBe(1);
  });

  test("that is asked for again and confirms counts for a file that is being looked for, too", async () => {
    await using h = await harness();
    const [first, slow] = [gate(), gate()];
    h.host.fault("commit", { status: 200, body: {}, gate: first, gateAt: "end" });
    const both = Promise.all(["a", "b"].map((name) => h.upload(name, name, { more: name !== "b" })));
    await first.reached;
    h.host.fault("list-files", { gate: slow, gateAt: "answer" });
    first.open();
    await slow.reached;
    while (h.host.files.length === 0) await Bun.sleep(5);
    slow.open();
    const all = await both;
    expect(all.flatMap(({ failures }) => failures)).toMatchObject([{ code: "host_protocol" }]);
    expect(all.map(({ error }) => error)).toEqual([null, null]);
    expect([h.host.of("upload").length, h.host.files.length]).toEqual([2, 2]);
  });

  test("that confirms too few counts for those of a shared batch that stand there", async () => {
    await using h = await harness();
    h.host.fault("commit", { change: (answer) => ({ ...answer, files_count_ok: 2 }) });
    const all = await Promise.all(["a", "b", "c"].map((name) => h.upload(name, name, { more: name !== "c" })));
    expect(all.map(({ error }) => error)).toEqual([null, null, null]);
    expect([h.host.of("link").length, h.host.of("upload").length, h.host.of("commit").length]).toEqual([1, 3, 1]);
    expect(lists(h)).toBeGreaterThan(1);
  });

  test("that counts files tells a later process, which knows one of them only, nothing of that one", async () => {
    await using h = await harness();
    h.host.fault("commit", { breakAt: "end" });
    await Promise.all(["a", "b"].map((name) => h.upload(name, name, { more: name !== "b", retries: 0 })));
    h.host.fault("commit", { status: 200, body: { status: "confirmed", files_count_ok: 1 } });
    const { failures, result } = await h.uploadWith(h.reopen(), "a", "a", { resume: h.checkpoint("a") });
    expect(failures).toMatchObject([{ code: "integrity" }]);
    expect(h.host.files.map(({ slug }) => slug)).toEqual([result?.remoteId ?? ""]);
  });
});

test.each(["soon", {}, "1 h"])("a validity of %j is not known, and no reason to fail", async (validity) => {
  await using h = await harness();
  h.host.fault("login-token", { change: (answer) => ({ ...answer, token_validity_interval: validity }) });
  h.host.fault("link", { change: (answer) => ({ ...answer, validity_interval: validity }) });
  expect((await h.upload("a", "content")).error).toBeNull();
  expect(steps(h)).toEqual(["login-token", "list-files", "link", "upload", "property", "commit"]);
});
