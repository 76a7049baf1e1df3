import { expect, test } from "bun:test";
import { createCrowd, createWaitingRoom } from "../../src/server/crowd.ts";
import { preferredWait } from "../../src/server/prefer.ts";
import { targetOf } from "../../src/server/target.ts";

test("a place is given back once", () => {
  const crowd = createCrowd(2);
  const first = crowd.enter();
  expect(crowd.enter()).not.toBeNull();
  expect(crowd.enter()).toBeNull();
  first?.();
  first?.();
  expect(crowd.enter()).not.toBeNull();
  expect(crowd.enter()).toBeNull();
});

test("the longest in a full waiting room makes room", () => {
  const room = createWaitingRoom(2);
  const [first, second] = [room.enter(), room.enter()];
  const third = room.enter();
  expect([first, second, third].map(({ signal }) => signal.aborted)).toEqual([true, false, false]);
  second?.leave();
  room.enter();
  expect(third.signal.aborted).toBe(false);
});

test.each([
  ["wait=30", 30_000],
  ["wait=90", 60_000],
  ["respond-async, wait=5", 5000],
  ['wait="7"', 7000],
  ["Wait = 3; x=1", 3000],
  ["wait=0", 0],
  ["wait", null],
  ["wait=-1", null],
  ["wait=1.5", null],
  ["await=3", null],
  ["", null],
])("Prefer: %s", (prefer, ms) => {
  expect(preferredWait({ headers: new Headers({ prefer }) })).toBe(ms);
});

test.each([
  ["http://127.0.0.1:7411/v1/jobs?a=b?c", "/v1/jobs", "a=b%3Fc"],
  ["http://127.0.0.1:7411/", "/", ""],
  ["/v1/jobs?x#y", "/v1/jobs", "x="],
  ["a:1", "", ""],
  ["http://host", "", ""],
])("the target of %s", (url, path, query) => {
  const target = targetOf(url);
  expect([target.path, target.query.toString()]).toEqual([path, query]);
});
