import type { JobUploadView, JobView } from "../../core/serving/job-view.ts";
import type { CommandContext } from "../context.ts";
import { titleOf } from "../output/formats.ts";
import { localTime } from "../output/local-time.ts";
import { asAccounts, asJob, type ServerAccount } from "./server-answers.ts";
import type { ServerClient } from "./server-client.ts";

/** Tells what jobs wait for, once for each change. */
export interface WaitNotes extends Disposable {
  /** A job as it is now. */
  see(job: JobView): Promise<void>;
}

/** An account that is paused or cools down makes no event of the jobs that are queued for it: they are asked for. */
const LOOK_EVERY_MS = 2_000;

/** `ended`: nobody waits any more. */
export function createWaitNotes(
  client: ServerClient,
  { out }: Pick<CommandContext, "out">,
  ended: AbortSignal,
): WaitNotes {
  const closing = new AbortController();
  const signal = AbortSignal.any([ended, closing.signal]);
  /** Ids of jobs that nothing is known to hold up, although they have not begun; next to be asked for first. */
  const queued = new Set<string>();
  /** By upload: what it waits for. */
  const waits = new Map<string, string>();
  /** How many uploads wait for it. */
  const waiters = new Map<string, number>();
  let toldHowToLeave = false;

  async function accountNamed(name: string): Promise<ServerAccount | undefined> {
    try {
      const answer = await client.json({ method: "GET", path: "/v1/accounts", signal });
      return asAccounts(answer).find((account) => account.name === name);
    } catch {
      // What holds it up is known; only the details are not.
      return undefined;
    }
  }

  async function tell(job: JobView, upload: JobUploadView): Promise<void> {
    const account = isOfAccount(upload) ? await accountNamed(upload.account) : undefined;
    if (signal.aborted) return;
    const leave = toldHowToLeave ? "" : "; Ctrl-C leaves it queued";
    toldHowToLeave = true;
    const what = `${titleOf(upload)} (job ${job.id})`;
    out.note(`${what} waits ${reasonOf(job, upload, account)}${leave}`);
  }

  async function lookAgain(): Promise<void> {
    const [id] = queued;
    if (id === undefined) return;
    queued.delete(id);
    queued.add(id);
    try {
      const job = asJob(await client.json({ method: "GET", path: `/v1/jobs/${encodeURIComponent(id)}`, signal }));
      if (queued.has(id)) await see(job);
    } catch {
      // Whoever follows the job notices when the server is gone.
    }
  }

  async function see(job: JobView): Promise<void> {
    if (!job.uploads.some(({ state }) => state === "queued")) queued.delete(job.id);
    else queued.add(job.id);
    for (const upload of job.uploads) {
      const before = waits.get(upload.id);
      const now = waitOf(upload);
      if (now === before) continue;
      if (before !== undefined) waiters.set(before, (waiters.get(before) ?? 1) - 1);
      if (now === undefined) {
        waits.delete(upload.id);
        continue;
      }
      waits.set(upload.id, now);
      const others = waiters.get(now) ?? 0;
      waiters.set(now, others + 1);
      // What holds up all uploads of an account is told of the first.
      if (others === 0) await tell(job, upload);
    }
  }

  const timer = setInterval(() => void lookAgain(), LOOK_EVERY_MS);
  return {
    see,
    [Symbol.dispose]() {
      clearInterval(timer);
      closing.abort();
    },
  };
}

/** What an upload waits for, the same for all that wait for their account; undefined: nothing that is told here. */
function waitOf(upload: JobUploadView): string | undefined {
  const { id, account, state, waitingFor } = upload;
  // A captcha has a call of its own.
  if (state !== "waiting" || waitingFor === null || waitingFor === "captcha") return undefined;
  return `${isOfAccount(upload) ? account : id} ${waitingFor}`;
}

function isOfAccount({ waitingFor }: JobUploadView): boolean {
  return waitingFor === "account" || waitingFor === "cool-down";
}

function reasonOf(job: JobView, upload: JobUploadView, account: ServerAccount | undefined): string {
  switch (upload.waitingFor) {
    case "account":
      return `for its account: ${upload.error?.code === "config" ? upload.error.message : holdOf(upload.account, account)}`;
    case "cool-down":
      return `for the end of the pause that the host asked for${moment(", until ", upload.waitingUntil ?? account?.coolDownUntil)}`;
    case "notBefore":
      return `for its time${moment(", until ", job.notBefore)}`;
    case "settle":
      return "until its file no longer changes";
    default:
      return `to be tried again${moment(" at ", upload.waitingUntil)}${upload.error === null ? "" : `: ${upload.error.message}`}`;
  }
}

function holdOf(name: string, account: ServerAccount | undefined): string {
  const because = account?.reason == null ? "" : `: ${account.reason}`;
  if (account?.state === "paused") return `${name} is paused${because}`;
  if (account?.state === "stopped") return `the login of ${name} was refused${because}`;
  return `${name} takes no uploads now`;
}

function moment(before: string, told: string | null | undefined): string {
  return told == null ? "" : `${before}${localTime(Date.parse(told))}`;
}
