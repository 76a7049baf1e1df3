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

  scene("a DELETE whose answer was lost is never repeated by itself", async (w) => {
    expect((await w.run(["up", w.file("a.bin"), "--to", "ulozto:/F"])).code).toBe(0);
    w.ulozto.fault("delete-file", { breakAt: "answer" });
    const ran = await w.run(["rm", "ulozto:/F/a.bin"]);
    expect([0, 9]).toContain(ran.code);
    expect(w.ulozto.of("delete-file").length).toBe(1);
    expect(w.ulozto.state.files).toMatchObject([{ binned: true }]);
  });
});
