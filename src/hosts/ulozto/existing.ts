import type { ExistingFile, HostEnv, HostSession, Target } from "../host.ts";
import type { Api } from "./api.ts";
import { createFlight, type Flight } from "./flight.ts";
import type { Folders } from "./folders.ts";
import { allPages, MAX_PAGE, PAGE_SIZE } from "./pages.ts";
import { FOLDER_NOT_FOUND, isHostError } from "./refusal.ts";
import { fileListAnswer } from "./schema.ts";

/** How long a folder's list answers for it: a run with many files must not read a large folder once for each. */
const FRESH_MS = 10_000;

type Files = ReadonlyMap<string, ExistingFile>;
interface Listing {
  readonly flight: Flight<Files>;
  files: Files | null;
  readAt: number;
}

/** Looks a file up by folder, name and size. `linkOf` judges and completes the link that the list gives. */
export function createLookUp(
  api: Api,
  folders: Folders,
  env: HostEnv,
  linkOf: (slug: string, url: string | null) => string,
): NonNullable<HostSession["existing"]> {
  const listings = new Map<string, Listing>();

  const read = async (folder: string, signal: AbortSignal): Promise<Files> => {
    const { user } = await api.account(signal);
    const base = `/v8/user/${encodeURIComponent(user)}/folder/${encodeURIComponent(folder)}/file-list`;
    const items = await allPages(async (offset) => {
      const path = `${base}?status=ok&limit=${PAGE_SIZE}&offset=${offset}`;
      const call = { what: "the list of files", method: "GET", path, signal, maxAnswer: MAX_PAGE } as const;
      const answer = await api.call(call, fileListAnswer);
      return { entries: answer.items, limit: answer.metadata?.limit };
    });
    const files = new Map<string, ExistingFile>();
    for (const { slug, name, filesize, url } of items) {
      if (typeof filesize !== "number" || files.has(keyOf(name, filesize))) continue;
      files.set(keyOf(name, filesize), { url: linkOf(slug, url ?? null), remoteId: slug });
    }
    return files;
  };

  const listingOf = (folder: string): Listing => {
    const known = listings.get(folder);
    if (known !== undefined) return known;
    const listing: Listing = {
      files: null,
      readAt: 0,
      flight: createFlight(async (signal) => {
        listing.files = await read(folder, signal);
        listing.readAt = env.now();
        return listing.files;
      }),
    };
    listings.set(folder, listing);
    return listing;
  };

  return async (target, size, signal) => {
    try {
      return await find(target, size, signal);
    } catch (error) {
      if (!isHostError(error, FOLDER_NOT_FOUND)) throw error;
      folders.forget();
      return null;
    }
  };

  async function find(target: Target, size: number, signal: AbortSignal): Promise<ExistingFile | null> {
    const folder = await folders.find(target.folder ?? "/", signal);
    if (folder === null) return null;
    for (const [slug, listing] of listings) {
      if (listing.files !== null && env.now() - listing.readAt > FRESH_MS) listings.delete(slug);
    }
    const listing = listingOf(folder);
    const files = listing.files ?? (await listing.flight.join(signal));
    return files.get(keyOf(target.name, size)) ?? null;
  }
}

function keyOf(name: string, size: number): string {
  return `${size}/${name.normalize("NFC")}`;
}
