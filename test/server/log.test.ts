import { describe, expect, test } from "bun:test";
import { AppError, errorView } from "../../src/errors.ts";
import { createEngineLog } from "../../src/server/engine-log.ts";
import { createLog, type LogForm, logForm, type ServerLog } from "../../src/server/log.ts";
import { failed, upload } from "../cli/fixture.ts";

const NOW = new Date("2026-01-31T18:00:00.000Z");

function logged(form: LogForm, work: (log: ServerLog) => void, from: "debug" | "info" | "error" = "info"): string {
  let text = "";
  work(
    createLog({
      form,
      from,
      now: () => NOW,
      write: (line) => {
        text += line;
      },
    }),
  );
  return text;
}

describe("lines", () => {
  test("JSON", () => {
    const text = logged("json", (log) =>
      log.info("job.queued", "queued", { job: "j1", requestId: "r1", account: undefined }),
    );
    expect(text).toBe(
      '{"time":"2026-01-31T18:00:00.000Z","level":"info","msg":"queued","event":"job.queued","job":"j1","requestId":"r1"}\n',
    );
  });

  test("text for the journal, with its levels", () => {
    const text = logged(
      "journal",
      (log) => {
        log.error("e", "broken", { job: "j1" });
        log.warn("e", "odd");
        log.info("e", "fine");
        log.debug("e", "detail");
      },
      "debug",
    );
    expect(text).toBe("<3>broken job=j1\n<4>odd\n<6>fine\n<7>detail\n");
  });

  test("text for people", () => {
    expect(logged("text", (log) => log.warn("e", "odd"))).toBe("2026-01-31T18:00:00.000Z warn odd\n");
  });

  test("nothing below its level", () => {
    expect(logged("text", (log) => log.debug("e", "x"))).toBe("");
    expect(logged("text", (log) => log.warn("e", "x"), "error")).toBe("");
  });

  test.each(["json", "text", "journal"] as const)("hostile text is one line of %s", (form) => {
    const name = "a\r\n2026 INFO fake\u001b]0;x\u0007\u202egpj\u0085\u2028";
    const text = logged(form, (log) => log.info("e", name, { account: name }));
    expect(text.endsWith("\n")).toBe(true);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
    expect(text.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
    if (form === "json") expect(JSON.parse(text).msg).toBe(name);
  });
});

test.each([
  ["auto", {}, true, "text"],
  ["auto", {}, false, "json"],
  ["auto", { JOURNAL_STREAM: "8:1" }, false, "journal"],
  ["auto", { JOURNAL_STREAM: "" }, false, "json"],
  ["json", { JOURNAL_STREAM: "8:1" }, true, "json"],
  ["text", {}, false, "text"],
] as const)("%s with %j and a TTY %p is %s", (choice, env, isTTY, form) => {
  expect(logForm(choice, env, isTTY)).toBe(form);
});

describe("what the engine tells", () => {
  const told = (event: Parameters<ReturnType<typeof createEngineLog>>[0]) => {
    const text = logged("json", (log) => createEngineLog(log)(event));
    return text === "" ? null : JSON.parse(text);
  };

  test("a captcha once, however many pages the host gives for it", () => {
    const captcha = (page: number) => ({ type: "captcha", account: "ulozto", url: `https://host/${page}` }) as const;
    const lines = logged("json", (log) => {
      const tell = createEngineLog(log);
      for (const page of [1, 2, 3]) tell(captcha(page));
      tell({ type: "parked", upload: upload({ account: "ulozto" }), url: null });
      tell(captcha(4));
    });
    expect(lines.trim().split("\n")).toHaveLength(2);
  });

  test("names upload and account, and no link", () => {
    const done = upload();
    const line = told({ type: "ended", upload: done });
    expect(line).toMatchObject({ level: "info", upload: done.id, account: "uploadgig" });
    expect(JSON.stringify(line)).not.toContain("https://");
    expect(JSON.stringify(told({ type: "captcha", account: "ulozto", url: "https://host/captcha" }))).not.toContain(
      "https://",
    );
  });

  test("a failure with its code and the host's words", () => {
    const error = new AppError("host_rejected", "the host refused it", { hostMessage: "too large" });
    const line = told({ type: "ended", upload: upload({ state: "failed", outcome: failed(error) }) });
    expect(line).toMatchObject({ level: "error", code: "host_rejected" });
    expect(line.msg).toContain('"too large"');
    expect(told({ type: "retry", upload: upload(), error: errorView(error), waitMs: 1500 }).msg).toContain("1.5 s");
  });

  test("an upload that is up but not recorded is an error, with what comes of it", () => {
    const line = told({ type: "unrecorded", upload: upload(), why: "the disk is full" });
    expect(line).toMatchObject({ level: "error", event: "upload.unrecorded", upload: upload().id });
    expect(line.msg).toContain("may be sent again after a restart: the disk is full");
  });

  test("what is stopped, postponed or cancelled has not failed", () => {
    const error = new AppError("network", "the connection broke");
    const stopped = upload({
      state: "interrupted",
      outcome: failed(new AppError("cancelled", "the upload was stopped")),
    });
    expect(told({ type: "ended", upload: stopped })).toMatchObject({ level: "info", event: "upload.stopped" });
    const back = upload({ state: "queued", outcome: failed(error) });
    const line = told({ type: "ended", upload: back, dueAt: Date.UTC(2026, 0, 31, 18, 5) });
    expect(line).toMatchObject({ level: "warn", event: "upload.postponed", code: "network" });
    expect(line.msg).toContain("again at 2026-01-31T18:05:00.000Z");
    const ended = upload({ state: "cancelled", outcome: failed(new AppError("cancelled", "the job was cancelled")) });
    expect(told({ type: "ended", upload: ended })).toMatchObject({ level: "info", event: "upload.cancelled" });
  });

  test("why nothing more of an account is sent, and when it goes on", () => {
    const of = (change: "paused" | "refused" | "resumed", reason: string | null) =>
      told({ type: "account", account: "ulozto", change, reason });
    expect(of("refused", "Bad password")).toEqual({
      ...{ time: NOW.toISOString(), level: "error", event: "account.refused", account: "ulozto" },
      reason: "Bad password",
      msg: "the host refused the login; nothing more is sent until: hoist account resume ulozto",
    });
    expect(of("paused", "5 in a row")).toMatchObject({ level: "error", event: "account.paused", reason: "5 in a row" });
    expect(of("paused", null)).toMatchObject({ level: "info", event: "account.paused", reason: "by hand" });
    expect(of("resumed", null)).toMatchObject({ level: "info", event: "account.resumed", account: "ulozto" });
  });

  test("the job that an event is about", () => {
    const text = logged("json", (log) => createEngineLog(log)({ type: "start", upload: upload() }, "job-1"));
    expect(JSON.parse(text)).toMatchObject({ event: "upload.started", job: "job-1", account: "uploadgig" });
  });

  test("progress is no line", () => {
    expect(told({ type: "progress", upload: upload(), bytes: 1, size: 2, rate: 1 })).toBeNull();
  });
});
