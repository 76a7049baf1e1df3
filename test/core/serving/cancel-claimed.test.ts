import { expect, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { AppError } from "../../../src/errors.ts";
import { fakeHost } from "../../support/fake-host.ts";
import { type ServerFixture, startServer } from "../../support/server.ts";

/** A job whose file must stand still first. */
async function settling({ engine, files, submitter }: ServerFixture): Promise<{ path: string; id: string }> {
  const path = files.file("growing", "a");
  const known = { path, name: null, labels: {}, recursive: false, callback: null, notBefore: null };
  const { to } = engine.jobs.readRequest({ ...known, to: ["one"], resumable: "auto", after: "keep" });
  const rest = { to, settleMs: 30, resumable: "auto" as const, after: { do: "keep" as const } };
  const { jobs } = await engine.jobs.add({ ...known, ...rest }, submitter, null);
  return { path, id: jobs[0]?.id ?? "" };
}

/** Cancels the job as soon as the store is asked for something, which happens after that. */
function cancelBefore(
  server: ServerFixture,
  method: "saveSource" | "stoodStill" | "saveAccount",
  id: string,
): Promise<void> {
  const { store, engine } = server;
  const original = store[method].bind(store) as (...args: unknown[]) => Promise<void>;
  const { promise, resolve } = Promise.withResolvers<void>();
  const late = async (...args: unknown[]) => {
    Object.assign(store, { [method]: original });
    await engine.jobs.cancel(id, server.roots);
    await original(...args);
    resolve();
  };
  Object.assign(store, { [method]: late });
  return promise;
}

test("a job is cancelled while a look shows that its file is still written", async () => {
  const one = fakeHost();
  await using server = await startServer({ accounts: { one } });
  const { path, id } = await settling(server);
  appendFileSync(path, "b");
  await cancelBefore(server, "saveSource", id);
  expect(await server.ended(id)).toMatchObject({ state: "cancelled", uploads: [{ error: { code: "cancelled" } }] });
  expect(one.files.size).toBe(0);
});

test("and while one shows that it has stood still", async () => {
  const one = fakeHost();
  await using server = await startServer({ accounts: { one } });
  const { id } = await settling(server);
  await cancelBefore(server, "stoodStill", id);
  expect(await server.ended(id)).toMatchObject({ state: "cancelled", uploads: [{ error: { code: "cancelled" } }] });
  expect(one.files.size).toBe(0);
});

test("and while an upload that has failed is put back for another round", async () => {
  const one = fakeHost();
  one.behave = async () => {
    throw new AppError("host_auth", "wrong password");
  };
  await using server = await startServer({ accounts: { one } });
  const path = server.files.file("a.bin", "abc");
  await server.engine.jobs.pauseAccount("one");
  const { id } = await server.add(path, ["one"]);
  await server.engine.jobs.resumeAccount("one");
  await cancelBefore(server, "saveAccount", id);
  expect(await server.ended(id)).toMatchObject({ state: "cancelled", uploads: [{ error: { code: "cancelled" } }] });
});
