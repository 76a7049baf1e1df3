import { describe, expect, test } from "bun:test";
import type { HistoryQuery, UploadRecord } from "../../src/core/job-store.ts";
import type { ResumeRequest } from "../../src/core/resume.ts";
import { AppError, errorView } from "../../src/errors.ts";
import { failed, run, type Scene, summary, upload } from "./fixture.ts";

const day = (date: number) => Date.UTC(2026, 0, date, 12);
const uploads = [
  upload({ sourceIndex: 1, name: "a.iso", finishedAt: day(1) }),
  upload({ sourceIndex: 2, name: "b.txt", finishedAt: day(2) }),
  upload({
    sourceIndex: 3,
    name: "c.iso",
    finishedAt: day(3),
    state: "failed",
    outcome: failed(new AppError("host_quota", "no room")),
  }),
];

function ledger(records: readonly UploadRecord[] = uploads) {
  const queries: HistoryQuery[] = [];
  const scene: Scene = {
    store: {
      async *history(query) {
        queries.push(query);
        yield* records;
      },
    },
  };
  return { queries, scene };
}

describe("history", () => {
  test("links when piped; text with time, and the id of what failed, on a terminal", async () => {
    const { scene } = ledger();
    expect((await run(["history"], scene)).out).toBe("https://host.example/f/1\nhttps://host.example/f/1\n");
    const { out } = await run(["history"], { ...scene, tty: { stdout: true } });
    const lines = out.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^2026-01-01 \d\d:00:00 {2}a\.iso → uploadgig {2}https:/);
    expect(lines[2]).toMatch(/c\.iso → uploadgig {2}failed: host_quota {2}id-3-0$/);
  });

  test("what has no line is counted on stderr, once", async () => {
    const { scene } = ledger();
    expect((await run(["history"], scene)).err).toBe(
      "note: 1 failed upload is left out, for want of a link; --format text shows all\n",
    );
    for (const more of [["-q"], ["--json"], ["--format", "csv"], ["--format", "text"]]) {
      expect((await run(["history", ...more], scene)).err).toBe("");
    }
  });

  test("json is the result and its time, newest last, without a summary", async () => {
    const { out } = await run(["history", "--json"], ledger().scene);
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { v: 1, type: "result", ok: true, name: "a.iso", time: "2026-01-01T12:00:00.000Z" },
      { name: "b.txt" },
      { ok: false, name: "c.iso", error: { code: "host_quota" }, time: "2026-01-03T12:00:00.000Z" },
    ]);
    expect(lines.length).toBe(3);
  });

  test("filters that the ledger applies", async () => {
    const { scene, queries } = ledger();
    const before = Date.now();
    const argv = "history --since 2026-01-01T00:00Z --until 2026-01-31T18:00+01:00 --account g --label a=1 --label b=2";
    await run([...argv.split(" "), "--failed"], scene);
    await run(["history", "--since", "1h"], scene);
    expect(queries[0]).toEqual({ account: "g" });
    expect(queries[1]).toEqual({
      since: Date.UTC(2026, 0, 1),
      until: Date.UTC(2026, 0, 31, 17),
      account: "g",
      label: { a: "1", b: "2" },
      failed: true,
    });
    expect(queries.at(-1)?.since).toBeWithin(before - 3_600_000, Date.now() - 3_600_000 + 1);
  });

  test("--name is a glob over the name; -n keeps the newest of what matches", async () => {
    const names = async (...argv: string[]) =>
      (await run(["history", "--format", "csv", ...argv], ledger().scene)).out
        .trimEnd()
        .split("\n")
        .slice(1)
        .map((line) => line.split(",")[1]);
    expect(await names("--name", "*.iso")).toEqual(["a.iso", "c.iso"]);
    expect(await names("-n", "2")).toEqual(["b.txt", "c.iso"]);
    expect(await names("-n1", "--name", "[ab].*")).toEqual(["b.txt"]);
    expect(await names("--name", "x*")).toEqual([]);
  });

  test("an account that neither the configuration nor the record knows is 4", async () => {
    const resumable: UploadRecord[] = [];
    const store = {
      async *history({ account }: HistoryQuery) {
        yield* uploads.filter((each) => each.account === account);
      },
      async *resumable() {
        yield* resumable;
      },
    };
    const ran = await run(["history", "--account", "nope"], { store });
    expect(ran).toMatchObject({ code: 4, out: "" });
    expect(ran.err).toContain('there is no account "nope"');
    expect((await run(["history", "--account", "uploadgig", "-n1"], { store })).code).toBe(0);
    resumable.push(upload({ account: "nope" }));
    expect((await run(["history", "--account", "nope"], { store })).code).toBe(0);
  });

  test("a failure names the same next step as it did when it happened", async () => {
    const lost = upload({ outcome: failed(new AppError("network", "gone")) });
    const { out } = await run(["history", "--json"], ledger([lost]).scene);
    expect(JSON.parse(out).error.hint).toEndWith("go on with: hoist resume");
  });

  test.each([[["--since", "soon"]], [["-n", "0"]], [["--label", "x"]], [["--format", "x"]]])("%p is 2", async (argv) =>
    expect((await run(["history", ...argv], ledger().scene)).code).toBe(2),
  );
});

describe("resume", () => {
  const interrupted = [
    upload({ sourceIndex: 1, name: "one", state: "interrupted", outcome: null }),
    upload({
      sourceIndex: 2,
      name: "two",
      state: "failed",
      outcome: { ok: false, error: errorView(new AppError("network", "gone")) },
    }),
  ];

  test("hands ids on and shows results like up", async () => {
    const asked: ResumeRequest[] = [];
    const resume: Scene["resume"] = async (request, listen) => {
      asked.push(request);
      listen({ type: "planned", uploads: 1, destinations: 1, bytes: 0 });
      listen({ type: "ended", upload: upload() });
      return summary({ ok: 1 });
    };
    expect(await run(["resume"], { resume })).toEqual({ code: 0, out: "https://host.example/f/1\n", err: "" });
    const { out } = await run(["resume", "x", "y", "--retry-unknown", "--json"], { resume });
    expect(JSON.parse(out.trimEnd().split("\n").at(-1) ?? "")).toMatchObject({ type: "summary", ok: 1 });
    expect(asked).toEqual([
      { ids: [], retryUnknown: false },
      { ids: ["x", "y"], retryUnknown: true },
    ]);
  });

  test("says so when there is nothing to do", async () => {
    const ran = await run(["resume"], { resume: async () => summary() });
    expect(ran).toEqual({ code: 0, out: "", err: "note: nothing is interrupted\n" });
  });

  test("--list shows ids, and sends nothing", async () => {
    const scene: Scene = {
      store: {
        async *resumable() {
          yield* interrupted;
        },
      },
    };
    const { code, out } = await run(["resume", "--list"], scene);
    expect(code).toBe(0);
    expect(out).toBe(
      "id-1-0  one → uploadgig  (2.9 MiB)  interrupted\nid-2-0  two → uploadgig  (2.9 MiB)  failed: gone\n",
    );
    const json = (await run(["resume", "--list", "--json", "id-2-0"], scene)).out.trimEnd().split("\n");
    expect(json.map((line) => JSON.parse(line))).toMatchObject([{ id: "id-2-0", state: "failed" }]);
  });

  test("--drop forgets what is named, and fails on what is not there", async () => {
    const dropped: string[] = [];
    const store: Scene["store"] = {
      drop: async (id) => {
        dropped.push(id);
        return id !== "gone";
      },
    };
    expect((await run(["resume", "--drop", "a", "b"], { store })).code).toBe(0);
    expect((await run(["resume", "--drop", "gone"], { store })).code).toBe(4);
    expect(dropped).toEqual(["a", "b", "gone"]);
  });

  test.each([[["--drop"]], [["--retry-unknown"]], [["--list", "--drop", "x"]]])("%p is 2", async (argv) =>
    expect((await run(["resume", ...argv])).code).toBe(2),
  );
});
