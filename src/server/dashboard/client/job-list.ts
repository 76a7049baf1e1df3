import type { JobUploadView, JobView } from "../../../core/serving/job-view.ts";
import { json } from "./api.ts";
import { replaceCard } from "./dom.ts";
import { type JobCardOptions, jobCard, type Progress } from "./job-card.ts";

export interface Filter {
  readonly state: string;
  readonly account: string;
}

export interface ProgressEvent {
  readonly job: string;
  readonly upload: string;
  readonly bytes: number;
  readonly size: number | null;
  readonly rate: number;
}

/** The jobs shown, newest first, kept up to date by events. */
export interface JobList {
  load(filter: Filter): Promise<void>;
  loadMore(): Promise<void>;
  readonly hasMore: boolean;
  upsert(job: JobView): void;
  progress(event: ProgressEvent): void;
  forget(id: string): void;
}

interface Page {
  readonly jobs: readonly JobView[];
  readonly next: string | null;
}

const PAGE_SIZE = 50;

export function createJobList(
  container: HTMLElement,
  options: Omit<JobCardOptions, "progress">,
  changed: (count: number) => void,
): JobList {
  const jobs = new Map<string, JobView>();
  const moving = new Map<string, Progress>();
  const told = new Map<string, JobView>();
  let filter: Filter = { state: "", account: "" };
  let next: string | null = null;

  const progress = (upload: JobUploadView) => moving.get(upload.id) ?? null;
  const cardOf = (id: string) => container.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`);
  const wanted = (job: JobView) =>
    (filter.state === "" || job.state === filter.state) &&
    (filter.account === "" || job.uploads.some(({ account }) => account === filter.account));

  function show(job: JobView): void {
    const card = jobCard(job, { ...options, progress });
    const old = cardOf(job.id);
    if (old !== null) {
      replaceCard(old, card);
      return;
    }
    const after = [...jobs.keys()].filter((id) => id < job.id).sort();
    const below = after.length === 0 ? null : cardOf(after.at(-1) ?? "");
    container.insertBefore(card, below);
  }

  function remove(id: string): void {
    jobs.delete(id);
    const card = cardOf(id);
    const neighbour = card?.nextElementSibling ?? card?.previousElementSibling;
    // Whoever works by keyboard goes on with the next job instead of at the top.
    if (card?.contains(document.activeElement)) neighbour?.querySelector<HTMLElement>("button")?.focus();
    card?.remove();
  }

  function upsert(job: JobView): void {
    if (!wanted(job)) remove(job.id);
    else {
      jobs.set(job.id, job);
      show(job);
    }
    changed(jobs.size);
  }

  async function fetchPage(after: string | null): Promise<void> {
    const query = new URLSearchParams({ limit: String(PAGE_SIZE) });
    if (filter.state !== "") query.set("state", filter.state);
    if (filter.account !== "") query.set("account", filter.account);
    if (after !== null) query.set("after", after);
    told.clear();
    const page = await json<Page>("GET", `/v1/jobs?${query}`);
    next = page.next;
    // What an event has told meanwhile is newer than the page.
    for (const job of page.jobs) upsert(told.get(job.id) ?? job);
    changed(jobs.size);
  }

  return {
    async load(wantedNow) {
      filter = wantedNow;
      jobs.clear();
      container.replaceChildren();
      await fetchPage(null);
    },
    loadMore: () => fetchPage(next),
    get hasMore() {
      return next !== null;
    },
    upsert(job) {
      told.set(job.id, job);
      upsert(job);
    },
    progress(event) {
      const job = jobs.get(event.job);
      moving.set(event.upload, event);
      if (job !== undefined) show(job);
    },
    forget(id) {
      remove(id);
      changed(jobs.size);
    },
  };
}
