import { describe, expect, test } from "bun:test";
import { planFaults } from "../../src/hosts/sandbox-faults.ts";

const STEPS = { one: { login: ["auth"], body: [] }, two: { login: [], commit: ["conflict"] } };
const plan = (...texts: string[]) => planFaults(texts, STEPS);

describe("planned faults", () => {
  test("are taken in the order given, as often as said, by any host that has the step", () => {
    const faults = plan("login=503", "login=html:2", "commit=lost:*");
    expect([faults.take("one", "login"), faults.take("two", "login"), faults.take("one", "login")]).toEqual([
      "503",
      "html",
      "html",
    ]);
    expect(faults.take("one", "login")).toBeNull();
    expect(Array.from({ length: 50 }, () => faults.take("two", "commit"))).toEqual(Array(50).fill("lost"));
    expect(faults.take("one", "body")).toBeNull();
  });

  test("may belong to one host, and a host's own fault never reaches another", () => {
    const faults = plan("two.login=reset", "login=auth");
    expect(faults.take("one", "login")).toBe("auth");
    expect(faults.take("one", "login")).toBeNull();
    expect(faults.take("two", "login")).toBe("reset");
    expect(faults.take("two", "login")).toBeNull();
  });

  test.each(["login=429", "login=503+7:3", "login=early-413", "one.body=slow", "commit=conflict:*"])(
    "%s is understood",
    (text) => expect(() => plan(text)).not.toThrow(),
  );

  test.each([
    "login",
    "login=",
    "=auth",
    "login=auth:0",
    "login=auth:-1",
    "login=auth:x",
    "login=200",
    "login=600",
    "login=400…599",
    "login=auth ",
    "LOGIN=auth",
    "three.login=reset",
    "one.commit=lost",
    "two.login=auth",
    "body=conflict",
    "body=constructor",
    "constructor=reset",
    "login=toString",
  ])("%p is a usage error that lists what there is", (text) => {
    expect(() => plan(text)).toThrow(
      expect.objectContaining({ code: "usage", hint: expect.stringContaining("two.commit conflict") }),
    );
  });
});
