/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import type { JobView } from "../../../core/serving/job-view.ts";
import type { AccountView } from "../../../core/serving/jobs.ts";
import { accountCard } from "./account-card.ts";
import { call, json, Refusal, storedToken, storeToken } from "./api.ts";
import { copyText } from "./copy-text.ts";
import { byId, element, replaceCard } from "./dom.ts";
import { follow, type StreamEvent } from "./event-stream.ts";
import type { Action } from "./job-card.ts";
import { createJobList, type ProgressEvent } from "./job-list.ts";

const status = byId("status", HTMLElement);
const problem = byId("problem", HTMLElement);
const tokenForm = byId("token-form", HTMLFormElement);
const tokenInput = byId("token", HTMLInputElement);
const board = byId("board", HTMLElement);
const accountList = byId("accounts", HTMLElement);
const stateFilter = byId("state", HTMLSelectElement);
const accountFilter = byId("account", HTMLSelectElement);
const more = byId("more", HTMLButtonElement);
const empty = byId("empty", HTMLElement);
const leave = byId("leave", HTMLButtonElement);

/** When an event last told of an account, by its name. */
const accountsTold = new Map<string, number>();
let following = new AbortController();

const jobs = createJobList(byId("jobs", HTMLElement), { act, copy }, (count) => {
  empty.hidden = count > 0;
  more.hidden = !jobs.hasMore;
});

const MAY_BE_UP = "Nobody knows whether it is up already. Sending it again may leave a duplicate. Send it again?";

function say(text: string): void {
  problem.textContent = text;
  problem.hidden = text === "";
}

/** Runs what a person asked for; a refusal is told in the server's words. */
function attempt(work: Promise<unknown>): void {
  work.then(
    () => say(""),
    (error) => {
      if (error instanceof Refusal && error.status === 401) signOut("The token was refused.");
      else say(error instanceof Error ? error.message : "The server cannot be reached.");
    },
  );
}

function act(action: Action, job: JobView): void {
  const path = `/v1/jobs/${encodeURIComponent(job.id)}`;
  if (action === "retry" && job.state === "unknown" && !confirm(MAY_BE_UP)) return;
  if (action === "forget") attempt(call("DELETE", path).then(() => jobs.forget(job.id)));
  else attempt(json<JobView>("POST", `${path}/${action}`).then(jobs.upsert));
}

function copy(text: string): Promise<void> {
  const copied = copyText(text);
  attempt(copied);
  return copied;
}

function showAccount(account: AccountView): void {
  const card = accountCard(account, toggle);
  const old = accountList.querySelector<HTMLElement>(`[data-account="${CSS.escape(account.name)}"]`);
  if (old === null) accountList.append(card);
  else replaceCard(old, card);
  lookAfterRest(account);
  const known = new Set([...accountFilter.options].map(({ value }) => value));
  if (!known.has(account.name)) accountFilter.append(element("option", { value: account.name }, account.name));
}

/** Nobody tells when an account has rested long enough and nothing waits for it. */
function lookAfterRest({ coolDownUntil }: AccountView): void {
  if (coolDownUntil === null) return;
  const ms = Date.parse(coolDownUntil) - Date.now() + A_MOMENT_MS;
  if (ms < LONGEST_TIMER_MS)
    setTimeout(() => storedToken() !== null && attempt(loadAccounts()), Math.max(A_MOMENT_MS, ms));
}

const A_MOMENT_MS = 1_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function toggle(account: AccountView): void {
  const action = account.state === "paused" || account.state === "stopped" ? "resume" : "pause";
  attempt(json<AccountView>("POST", `/v1/accounts/${encodeURIComponent(account.name)}/${action}`).then(showAccount));
}

function handle({ type, data }: StreamEvent): void {
  if (type === "job.state") jobs.upsert(data as JobView);
  else if (type === "job.progress") jobs.progress(data as ProgressEvent);
  else if (type === "account.state") {
    const account = data as AccountView;
    accountsTold.set(account.name, performance.now());
    showAccount(account);
  }
}

async function loadAccounts(): Promise<void> {
  const asked = performance.now();
  const listed = await json<readonly AccountView[] | { readonly accounts: readonly AccountView[] }>(
    "GET",
    "/v1/accounts",
  );
  // What an event has told meanwhile is newer than the list.
  for (const account of "accounts" in listed ? listed.accounts : listed) {
    if ((accountsTold.get(account.name) ?? 0) <= asked) showAccount(account);
  }
}

async function load(): Promise<void> {
  await loadAccounts();
  await jobs.load({ state: stateFilter.value, account: accountFilter.value });
}

async function signIn(): Promise<void> {
  await load();
  tokenForm.hidden = true;
  board.hidden = false;
  leave.hidden = false;
  following.abort();
  following = new AbortController();
  void follow(
    handle,
    (yes) => {
      status.textContent = yes ? "live" : "connection lost, trying again";
      // What happened while the line was down may be older than the server remembers.
      if (yes) attempt(load());
    },
    ({ message }) => signOut(message),
    following.signal,
  );
}

function signOut(why: string): void {
  following.abort();
  storeToken(null);
  board.hidden = true;
  leave.hidden = true;
  tokenForm.hidden = false;
  status.textContent = "";
  say(why);
  tokenInput.focus();
}

tokenForm.addEventListener("submit", (event) => {
  event.preventDefault();
  storeToken(tokenInput.value.trim());
  tokenInput.value = "";
  attempt(signIn());
});
for (const filter of [stateFilter, accountFilter]) filter.addEventListener("change", () => attempt(load()));
more.addEventListener("click", () => attempt(jobs.loadMore()));
leave.addEventListener("click", () => signOut(""));

if (storedToken() === null) tokenInput.focus();
else attempt(signIn());
