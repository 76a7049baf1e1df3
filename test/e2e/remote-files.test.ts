import { describe, expect } from "bun:test";
import { scene } from "./kit/world.ts";

describe("hoist ls, mkdir, mv, rm, about", () => {
  scene("do what they say on Ulož.to", async (w) => {
    expect((await w.run(["up", w.file("a.bin", 1234), "--to", "ulozto:/F"])).code).toBe(0);
    const list = await w.run(["ls", "ulozto:/F"]);
    expect(list.code).toBe(0);
    expect(list.out).toContain("a.bin");
    expect((await w.run(["mkdir", "-p", "ulozto:/G/H"])).code).toBe(0);
    expect((await w.run(["ls", "ulozto:/"])).out).toContain("G");
    expect((await w.run(["mv", "ulozto:/F/a.bin", "ulozto:/G/H/b.bin"])).code).toBe(0);
    expect(w.ulozto.files.map((file) => `${w.ulozto.pathOf(file)}/${file.name}`)).toEqual(["/G/H/b.bin"]);
    expect((await w.run(["about", "ulozto"])).code).toBe(0);
    expect((await w.run(["rm", "ulozto:/G/H/b.bin"])).code).toBe(0);
    expect(w.ulozto.files).toEqual([]);
    expect(w.ulozto.of("delete-file").length).toBe(1);
  });

  scene("a path that is not there is 4", async (w) => {
    expect((await w.run(["ls", "ulozto:/nowhere"])).code).toBe(4);
    expect((await w.run(["rm", "ulozto:/nowhere"])).code).toBe(4);
  });

  scene("a host without the ability says so: 2", async (w) => {
    const ran = await w.run(["ls", "uploadgig"]);
    expect(ran.code).toBe(2);
    expect(w.gig.connections).toBe(0);
  });

  scene("a blip of the line is waited out, which is said", async (w) => {
    expect((await w.run(["up", w.file("a.bin", 1234), "--to", "ulozto:/F"])).code).toBe(0);
    w.ulozto.fault("list-folders", { status: 503 });
    w.ulozto.fault("list-files", { cutAnswerAt: 5 });
    const list = await w.run(["ls", "ulozto:/F"]);
    expect(list).toMatchObject({ code: 0, out: "a.bin\n" });
    expect(list.err).toContain("trying again in");
    w.ulozto.fault("property", { breakAt: "answer" });
    expect((await w.run(["mv", "ulozto:/F/a.bin", "ulozto:/b.bin"])).code).toBe(0);
    w.ulozto.fault("create-folder", { status: 503 });
    expect((await w.run(["mkdir", "ulozto:/G"])).code).toBe(0);
    w.ulozto.fault("folder-sizes", { status: 503 });
    expect((await w.run(["about", "ulozto"])).out).toBe("ulozto: 1.2 KiB in 1 file and 2 folders\n");
    w.ulozto.fault("login-token", { status: 503 });
    expect((await w.run(["ls", "ulozto:/"])).out).toBe("F/\nG/\nb.bin\n");
  });

  scene("a DELETE whose answer was lost is never repeated by itself", async (w) => {
    expect((await w.run(["up", w.file("a.bin"), "--to", "ulozto:/F"])).code).toBe(0);
    w.ulozto.fault("delete-file", { breakAt: "answer" });
    const ran = await w.run(["rm", "ulozto:/F/a.bin"]);
    expect([0, 9]).toContain(ran.code);
    expect(w.ulozto.of("delete-file").length).toBe(1);
    expect(w.ulozto.state.files).toMatchObject([{ binned: true }]);
  });
});
