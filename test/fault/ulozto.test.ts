import { describe, expect } from "bun:test";
import { type Outcome, scene, type World } from "../e2e/kit/world.ts";

const up = (w: World, size: number, ...args: string[]): Promise<Outcome> =>
  w.run(["up", w.file("a.bin", size), "--to", "ulozto:/F", "--json", "--resumable", "never", ...args]);

const LARGE = 48_000_000;
const html = "<html><body>Bad gateway</body></html>";
const refusal = (error: number, code: number, message: string) => ({ status: code, body: { error, code, message } });

const failsWith = (ran: Outcome, code: string, exit: number) => {
  expect(ran.result).toMatchObject({ ok: false, error: { code, exit } });
  expect(ran.summary).toMatchObject({ ok: 0, failed: 1, exit });
  expect(ran.code).toBe(exit);
};
/** Succeeded, with exactly this file visible and every batch confirmed at most once. */
const holdsOnce = (w: World, ran: Outcome, size: number) => {
  expect(ran.code).toBe(0);
  expect(ran.result).toMatchObject({ ok: true, verified: "md5", size });
  expect(w.ulozto.files).toMatchObject([{ name: "a.bin", size }]);
  expect([...w.ulozto.state.batches.values()].filter((one) => one.status === "confirmed").length).toBe(1);
};

describe("Ulož.to, the body", () => {
  for (const breakAt of ["head", 1, 5_000_003] as const) {
    scene(`broken at ${breakAt}, before the last byte, is sent again`, async (w) => {
      w.ulozto.fault("upload", { breakAt });
      holdsOnce(w, await up(w, LARGE), LARGE);
      expect(w.ulozto.of("upload").length).toBe(2);
    });
  }

  for (const [what, fault] of [
    ["broken after the last byte", { breakAt: "end" }],
    ["its answer lost by RST", { breakAt: "answer" }],
    ["its answer lost by FIN", { breakAt: "answer", breakWith: "fin" }],
    ["its answer cut", { cutAnswerAt: 20 }],
    ["its answer HTML", { status: 200, body: html, effect: true }],
    ["its answer a 502", { status: 502, body: html, effect: true }],
  ] as const) {
    scene(`${what}: the batch is abandoned, a new one taken, and the file is there once`, async (w) => {
      w.ulozto.fault("upload", fault);
      holdsOnce(w, await up(w, 5000), 5000);
      expect(new Set(w.ulozto.state.files.map((file) => file.batch)).size).toBe(w.ulozto.state.files.length);
      expect(w.ulozto.state.batches.size).toBe(2);
    });
  }

  scene("an early 413 is the host's answer: 7, not a network error", async (w) => {
    w.ulozto.fault("upload", { status: 413, body: { return_code: 413, message: "Too large" }, early: "close" }, 9);
    const ran = await up(w, LARGE);
    expect(ran.code).toBe(7);
    expect(w.ulozto.of("upload").length).toBe(1);
  });
});

describe("Ulož.to, the answer", () => {
  scene("return_code 400–499 is not sent again: 7, in the host's words", async (w) => {
    w.ulozto.fault("upload", {
      body: { return_code: 415, message: "This type is forbidden", slug: null, size: 0, md5: null },
    });
    const ran = await up(w, 10);
    expect(ran.code).toBe(7);
    expect(ran.result.error.hostMessage).toBe("This type is forbidden");
    expect(w.ulozto.of("upload").length).toBe(1);
    expect(w.ulozto.of("commit")).toEqual([]);
  });

  for (const [what, change] of [
    ["return_code 500", { return_code: 500 }],
    ["another message", { message: "Nearly done" }],
    ["a wrong size", { size: 9 }],
    ["a wrong md5", { md5: "00000000000000000000000000000000" }],
  ] as const) {
    scene(`${what}: the batch is dropped and the file sent once more`, async (w) => {
      w.ulozto.fault("upload", { change: (answer) => ({ ...answer, ...change }) });
      holdsOnce(w, await up(w, 10), 10);
      expect(w.ulozto.of("commit").length).toBe(1);
      expect(w.ulozto.state.batches.size).toBe(2);
    });
    scene(`${what} twice fails with 8, nothing committed`, async (w) => {
      w.ulozto.fault("upload", { change: (answer) => ({ ...answer, ...change }) }, 9);
      const ran = await up(w, 10);
      failsWith(ran, "integrity", 8);
      expect(w.ulozto.of("upload").length).toBe(2);
      expect(w.ulozto.of("commit")).toEqual([]);
    });
  }
});

describe("Ulož.to, properties and commit", () => {
  const faults = [
    ["503", { status: 503, body: html }],
    ["a lost answer", { breakAt: "answer" }],
    ["a broken request", { breakAt: "head" }],
    ["HTML with 200", { status: 200, body: html, effect: true }],
  ] as const;
  for (const [what, fault] of faults) {
    scene(`properties: ${what} is repeated with the same content; the file is sent once`, async (w) => {
      w.ulozto.fault("properties", fault);
      w.ulozto.fault("property", fault);
      holdsOnce(w, await up(w, 10), 10);
      expect(w.ulozto.of("upload").length).toBe(1);
      const calls = [...w.ulozto.of("properties"), ...w.ulozto.of("property")].filter((one) => one.complete);
      expect(new Set(calls.map((one) => one.text)).size).toBe(1);
    });
    scene(`commit: ${what} repeats the same commit; the file is sent once`, async (w) => {
      w.ulozto.fault("commit", fault);
      holdsOnce(w, await up(w, 10), 10);
      expect(w.ulozto.of("upload").length).toBe(1);
      expect(new Set(w.ulozto.of("commit").map((one) => one.head.target)).size).toBe(1);
    });
  }

  for (const step of ["properties", "commit"] as const) {
    scene(`${step}: 503 for ever ends with 5, and a later run sends no second body`, async (w) => {
      for (const one of step === "commit" ? (["commit"] as const) : (["properties", "property"] as const)) {
        w.ulozto.fault(one, { status: 503, body: html }, 99);
      }
      const path = w.file("a.bin", 10);
      const args = ["up", path, "--to", "ulozto:/F", "--json", "--retries", "1"];
      expect((await w.run(args)).code).toBe(5);
      w.ulozto.heal();
      holdsOnce(w, await w.run(args), 10);
      expect(w.ulozto.of("upload").length).toBe(1);
    });
  }

  scene("properties refused for good are 7, in the host's words", async (w) => {
    for (const step of ["properties", "property"] as const)
      w.ulozto.fault(step, refusal(1234, 422, "That name is not allowed"), 9);
    const ran = await up(w, 10);
    expect(ran.code).toBe(7);
    expect(ran.result.error.hostMessage).toBe("That name is not allowed");
    expect(w.ulozto.of("commit")).toEqual([]);
  });
});

describe("Ulož.to, folders", () => {
  scene("a create whose answer was lost is looked for first and made once", async (w) => {
    w.ulozto.fault("create-folder", { breakAt: "answer" });
    holdsOnce(w, await up(w, 10), 10);
    expect(w.ulozto.state.folders.filter((one) => one.name === "F").length).toBe(1);
    expect(w.ulozto.of("create-folder").length).toBe(1);
  });

  scene("a create that never arrived is made after the look", async (w) => {
    w.ulozto.fault("create-folder", { breakAt: "end" });
    holdsOnce(w, await up(w, 10), 10);
    expect(w.ulozto.state.folders.filter((one) => one.name === "F").length).toBe(1);
  });

  scene("a create refused for good is 7", async (w) => {
    w.ulozto.fault("create-folder", refusal(422, 422, "Forbidden folder name"), 9);
    const ran = await up(w, 10);
    expect(ran.code).toBe(7);
    expect(ran.result.error.hostMessage).toBe("Forbidden folder name");
  });

  scene("a list that fails once is asked again", async (w) => {
    w.ulozto.fault("list-folders", { status: 502, body: html });
    holdsOnce(w, await up(w, 10), 10);
  });
});

describe("batches of several files", () => {
  scene("when one answer is lost, nothing unknown is committed and every file is there once", async (w) => {
    const files = Array.from({ length: 6 }, (_, n) => w.file(`f${n}.bin`, 2000 + n));
    w.ulozto.fault("upload", {}, 2);
    w.ulozto.fault("upload", { breakAt: "answer" });
    const ran = await w.run(["up", ...files, "--to", "ulozto", "--json"]);
    expect(ran.code).toBe(0);
    expect(w.ulozto.files.map((file) => file.name).sort()).toEqual(files.map((_, n) => `f${n}.bin`));
  });

  scene("names with quotes, % and backslashes survive among plain ones", async (w) => {
    const names = ["a.bin", `q"uote.bin`, "100%.bin", "back\\slash.bin", "z.bin"];
    const ran = await w.run(["up", ...names.map((name) => w.file(name)), "--to", "ulozto"]);
    expect(ran.code).toBe(0);
    expect(w.ulozto.files.map((file) => file.name).sort()).toEqual([...names].sort());
  });
});
