import { expect, test } from "bun:test";
import type { EngineEvent } from "../../../src/core/events.ts";
import { RESUMED } from "../../../src/core/job-store.ts";
import type { JobState } from "../../../src/core/serve-store.ts";
import { AppError } from "../../../src/errors.ts";
import { openStore } from "../../../src/store/open.ts";
import { fakeHost, takeIt } from "../../support/fake-host.ts";
import { type ServerFixture, startServer } from "../../support/server.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

type AccountEvent = Extract<EngineEvent, { readonly type: "account" }>;

/** What the log was told of accounts, in order. */
const holdsOf = ({ told }: ServerFixture) =>
  told.flatMap(({ event }) => (event.type === "account" ? [[event.change, event.reason] as const] : []));

async function heldFor(server: ServerFixture, change: AccountEvent["change"]): Promise<AccountEvent["reason"]> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await Bun.sleep(5)) {
    const found = holdsOf(server).find(([each]) => each === change);
    if (found !== undefined) return found[1];
  }
  throw new Error(`nobody was told of ${change}: ${JSON.stringify(holdsOf(server))}`);
}

/** States of accounts as readers of events saw them. */
const shownTo = ({ events }: ServerFixture) =>
  events.flatMap((event) => (event.type === "account.state" ? [event.account.state] : []));

test("a refused login is told with the host's words, and so is its end", async () => {
  const one = fakeHost();
  one.behave = async () => {
    throw new AppError("host_auth", "the login was refused", { hostMessage: "Bad password" });
  };
  await using server = await startServer({ accounts: { one } });
  const job = await server.add(server.files.file("a", "a"), ["one"]);
  expect(await heldFor(server, "refused")).toBe("Bad password");
  await server.until(job.id, ({ waitingFor }) => waitingFor === "account");
  expect((await server.engine.jobs.accounts())[0]).toMatchObject({ state: "paused", reason: "Bad password" });
  one.behave = takeIt;
  await server.engine.jobs.resumeAccount("one");
  await server.ended(job.id);
  expect(holdsOf(server)).toEqual([
    ["refused", "Bad password"],
    ["resumed", null],
  ]);
});

test("five failures in a row pause the account, and why is told and kept", async () => {
  const one = fakeHost("fake", { perAccount: 1 });
  one.behave = async () => {
    throw new AppError("host_protocol", "the answer makes no sense");
  };
  using state = temporaryDirectory();
  using files = temporaryDirectory();
  const options = { accounts: { one }, retries: 0, stateDirectory: state.path, files };
  {
    await using server = await startServer(options);
    for (const name of ["a", "b", "c", "d", "e", "f"]) await server.add(files.file(name, name), ["one"]);
    expect(await heldFor(server, "paused")).toBe(
      "5 uploads in a row failed, the last one with: the answer makes no sense",
    );
    expect(one.attempts).toHaveLength(5);
    const ends = () => server.told.filter(({ event, job }) => event.type === "ended" && job !== undefined).length;
    for (const deadline = Date.now() + 5_000; ends() < 5 && Date.now() < deadline; ) await Bun.sleep(5);
    expect(ends()).toBe(5);
  }
  // A server that finds an account paused says so, with the reason.
  await using server = await startServer(options);
  expect(holdsOf(server).map(([change]) => change)).toEqual(["paused"]);
  const [account] = await server.engine.jobs.accounts();
  expect(account?.reason).toContain("5 uploads in a row failed");
});

test("what another process does to an account is noticed by itself, without a job that needs it", async () => {
  using state = temporaryDirectory();
  const one = fakeHost();
  await using server = await startServer({ accounts: { one }, stateDirectory: state.path });
  await using other = openStore({ directory: state.path, command: "hoist account pause" });
  const key = [...(await accountKeys(server))][0] ?? "";
  await other.saveAccount(key, { paused: true });
  expect(await heldFor(server, "paused")).toBeNull();
  expect(sincePause(server)).toEqual(["paused"]);
  const job = await server.add(server.files.file("b", "b"), ["one"]);
  expect(await server.until(job.id, ({ state }) => state === "waiting")).toMatchObject({ waitingFor: "account" });
  const listed = async (state: JobState) =>
    (await server.engine.jobs.list({ state, labels: {}, limit: 10 }, server.roots)).jobs.map(({ id }) => id);
  expect([await listed("waiting"), await listed("queued")]).toEqual([[job.id], []]);
  await other.saveAccount(key, RESUMED);
  expect((await server.ended(job.id)).state).toBe("done");
  expect(sincePause(server).slice(0, 2)).toEqual(["paused", "idle"]);
});

test("a captcha that is solved is told, as it was told when it came", async () => {
  const one = fakeHost();
  let solved = false;
  one.behave = async (attempt) => {
    await attempt.ctx.phase("preparing");
    while (!solved) await attempt.ctx.person({ kind: "captcha", url: "https://captcha.example/1" });
    return takeIt(attempt);
  };
  await using server = await startServer({ accounts: { one } });
  const job = await server.add(server.files.file("a", "a"), ["one"]);
  await server.until(job.id, ({ waitingFor }) => waitingFor === "captcha");
  for (const deadline = Date.now() + 5_000; !shownTo(server).includes("captcha") && Date.now() < deadline; )
    await Bun.sleep(5);
  solved = true;
  await server.ended(job.id);
  for (const deadline = Date.now() + 5_000; shownTo(server).at(-1) !== "idle" && Date.now() < deadline; )
    await Bun.sleep(5);
  expect(shownTo(server)).toContain("captcha");
  expect(shownTo(server).at(-1)).toBe("idle");
});

/** The job that tells the account's key has made it busy before. */
function sincePause(server: ServerFixture) {
  const shown = shownTo(server);
  return shown.slice(shown.indexOf("paused"));
}

async function accountKeys(server: ServerFixture): Promise<Iterable<string>> {
  const job = await server.add(server.files.file("a", "a"), ["one"]);
  await server.ended(job.id);
  const record = await server.store.job(job.id);
  return record?.uploads.map(({ accountKey }) => accountKey) ?? [];
}
