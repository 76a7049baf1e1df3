import type * as v from "valibot";
import { AppError } from "../../errors.ts";
import { assertLink } from "../../http/address.ts";
import { parseAnswer } from "../../http/parse.ts";
import type { Answer } from "../../http/request.ts";
import type { AccountEndpoint } from "../host.ts";
import { type Api, type ApiCall, isSuccess } from "./api.ts";
import { createFlight, type Flight } from "./flight.ts";
import { hostErrorOf, refusal } from "./refusal.ts";
import { commitAnswer, fileAnswer, filesAnswer } from "./schema.ts";

/** A stored file and what it is to be called. */
export interface Placement {
  /** `batch_file_id`. */
  readonly number: number;
  readonly slug: string;
  readonly name: string;
  /** Slug of its folder. */
  readonly folder: string;
}

/** What the host says of a file whose name and folder are set. */
export interface PlacedFile {
  readonly url: string;
  /** Bytes; null where it does not say. */
  readonly size: number | null;
}

export interface Finisher {
  /**
   * Sets folders (and the name of a file that is alone in its batch); repeating it is harmless. Gives what the host
   * says of each, by file slug.
   */
  place(batch: string, files: readonly Placement[], signal: AbortSignal): Promise<ReadonlyMap<string, PlacedFile>>;
  /**
   * Makes a batch of so many files visible. Null when the host says that they are, or had been; else what its answer
   * means for a file that does not stand in its folder after all. Asked once per batch and process.
   */
  commit(batch: string, files: number, signal: AbortSignal): Promise<AppError | null>;
  /** The link for people: the one that the host gave, if it is on its own domains, else the one every file has [A]. */
  linkOf(slug: string, given: string | null): string;
}

/** Where the host's file pages stand [A]. */
const LINK_DOMAINS = ["uloz.to", "ulozto.net", "ulozto.cz", "ulozto.sk"];
/** The wording of a second commit is not documented [A]. */
const ALREADY_CONFIRMED = /(?:\balready\b.*(?:confirm|commit)|(?:confirm|commit).*\balready\b|(?:již|už).*potvrzen)/i;
/** Commits remembered: only batches still in the hands of an upload are asked for again. */
const REMEMBERED = 1000;

export function createFinisher(api: Api, endpoint: AccountEndpoint): Finisher {
  const committed = new Set<string>();
  const commits = new Map<string, Flight<AppError | null>>();
  // Observed is PATCH, documented PUT: what the host takes is found out once.
  let method: "PATCH" | "PUT" = "PATCH";

  const linkOf = (slug: string, given: string | null): string => {
    try {
      if (given !== null) return assertLink(given, endpoint, LINK_DOMAINS);
    } catch {
      // A link that leads elsewhere is not shown; the file itself is not in doubt.
    }
    return `https://${LINK_DOMAINS[0]}/file/${encodeURIComponent(slug)}`;
  };

  const placed = (slug: string, said: v.InferOutput<typeof fileAnswer> | null | undefined): PlacedFile => ({
    url: linkOf(slug, said?.url ?? null),
    size: said?.filesize ?? null,
  });

  /**
   * What the host says of changed files; null where it is done without a word. One that says nothing of them is asked
   * once more: a change made twice is harmless, and one that was not made puts the file where nobody looks for it.
   */
  const change = async <const S extends v.GenericSchema>(
    call: ApiCall,
    schema: S,
    tells: (said: v.InferOutput<S>) => boolean,
  ): Promise<v.InferOutput<S> | null> => {
    const once = async () => {
      const answer = await api.exchange(call);
      if (!isSuccess(answer)) throw refusal(call.what, answer);
      return answer.text.trim() === "" ? null : parseAnswer(call.what, schema, answer);
    };
    const said = await once();
    return said !== null && tells(said) ? said : once();
  };

  const placeOne = async (batch: string, file: Placement, signal: AbortSignal) => {
    const call = {
      what: "the change of the file's name and folder",
      method: "PATCH",
      path: `/v8/file/${encodeURIComponent(file.slug)}/private`,
      headers: { "X-Upload-Token": `${batch}:${file.number}` },
      body: { name: file.name, folder_slug: file.folder },
      signal,
    } as const;
    const said = await change(call, fileAnswer, ({ slug }) => typeof slug === "string");
    return [[file.slug, placed(file.slug, said)]] as const;
  };

  const placeMany = async (batch: string, folder: string, files: readonly Placement[], signal: AbortSignal) => {
    const call = {
      what: "the folder of the files",
      method: "PATCH",
      path: "/v8/file-list/private",
      body: {
        slugs: files.map((file) => file.slug),
        upload_tokens: Object.fromEntries(files.map((file) => [file.slug, `${batch}:${file.number}`])),
        folder_slug: folder,
      },
      signal,
    } as const;
    const bySlug = (said: v.InferOutput<typeof filesAnswer>) => new Map(said.map((file) => [file.slug, file]));
    const said = await change(call, filesAnswer, (all) => {
      const told = bySlug(all);
      return files.every(({ slug }) => told.has(slug));
    });
    const answered = bySlug(said ?? []);
    return files.map(({ slug }) => [slug, placed(slug, answered.get(slug))] as const);
  };

  const askCommit = async (batch: string, signal: AbortSignal): Promise<Answer> => {
    const { user } = await api.account(signal);
    const path = `/v8/upload-batch/private/${encodeURIComponent(batch)}`;
    const call = { what: "the commit", path, body: { status: "confirmed", owner_login: user }, signal };
    const answer = await api.exchange({ ...call, method });
    if (answer.status !== 405 || method === "PUT") return answer;
    method = "PUT";
    return api.exchange({ ...call, method });
  };

  const commitOnce = async (batch: string, files: number, signal: AbortSignal): Promise<AppError | null> => {
    const doubt = doubtOf(await askCommit(batch, signal), files);
    if (doubt !== null) return doubt;
    committed.add(batch);
    const oldest = committed.size > REMEMBERED ? committed.values().next().value : undefined;
    if (oldest !== undefined) committed.delete(oldest);
    return null;
  };

  return {
    linkOf,
    async place(batch, files, signal) {
      const [only] = files;
      if (only !== undefined && files.length === 1) return new Map(await placeOne(batch, only, signal));
      const folders = Map.groupBy(files, (file) => file.folder);
      const all = new Map<string, PlacedFile>();
      for (const [folder, inside] of folders) {
        for (const [slug, file] of await placeMany(batch, folder, inside, signal)) all.set(slug, file);
      }
      return all;
    },
    async commit(batch, files, signal) {
      if (committed.has(batch)) return null;
      let flight = commits.get(batch);
      if (flight === undefined) {
        flight = createFlight((shared) => commitOnce(batch, files, shared).finally(() => commits.delete(batch)));
        commits.set(batch, flight);
      }
      return flight.join(signal);
    },
  };
}

/**
 * Null where the answer leaves no doubt that the batch is visible. A refusal leaves one: the answer to an earlier try may
 * have been lost, and how the host words a second commit is not documented. Throws what another try may mend.
 */
function doubtOf(answer: Answer, files: number): AppError | null {
  if (!isSuccess(answer)) {
    if (ALREADY_CONFIRMED.test(hostErrorOf(answer).message ?? "")) return null;
    const error = refusal("the commit", answer);
    if (error.code === "host_rejected" || error.code === "host_quota") return error;
    throw error;
  }
  if (answer.text.trim() === "") return unconfirmed();
  const { status, files_count_ok: visible } = parseAnswer("the commit", commitAnswer, answer);
  if (status === null) return unconfirmed();
  if (status !== "confirmed") throw unconfirmed(status);
  if (visible === null || visible >= files) return null;
  return new AppError("integrity", `the host confirms ${visible} of ${files} files, and this one does not stand there`);
}

function unconfirmed(hostMessage?: string): AppError {
  return new AppError("host_protocol", "the host answered the commit, but did not confirm it", { hostMessage });
}
