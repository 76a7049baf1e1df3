import { AppError } from "../../errors.ts";
import type { HostEnv } from "../host.ts";
import type { Api } from "./api.ts";
import { createFlight, type Flight } from "./flight.ts";
import { allPages, MAX_PAGE, PAGE_SIZE } from "./pages.ts";
import { folderAnswer, folderListAnswer } from "./schema.ts";

export interface Folders {
  /** The slug of `path`; missing folders are created. Fails with `host_rejected` when the host refuses a name. */
  ensure(path: string, signal: AbortSignal, note: (message: string) => void): Promise<string>;
  /** The slug of `path`, or null; creates nothing. */
  find(path: string, signal: AbortSignal): Promise<string | null>;
  /** Forgets every slug: the host no longer knows one of them. */
  forget(): void;
}

/** The host cuts longer names silently [O]. */
const LONGEST_NAME = 255;

export function createFolders(api: Api, env: HostEnv): Folders {
  const known = new Map<string, string>();
  const flights = new Map<string, Flight<string>>();
  const keyOf = (parent: string, name: string) => `${parent}/${name}`;

  const childrenNamed = async (parent: string, name: string, signal: AbortSignal): Promise<readonly string[]> => {
    const { user } = await api.account(signal);
    const folder = `/v9/user/${encodeURIComponent(user)}/folder/${encodeURIComponent(parent)}`;
    const children = await allPages(async (offset) => {
      const path = `${folder}/folder-list?status=ok&limit=${PAGE_SIZE}&offset=${offset}`;
      const call = { what: "the list of folders", method: "GET", path, signal, maxAnswer: MAX_PAGE } as const;
      const answer = await api.call(call, folderListAnswer);
      return { entries: answer.subfolders, limit: answer.metadata?.limit };
    });
    return children.filter((child) => child.name.normalize("NFC") === name).map((child) => child.slug);
  };

  const create = async (parent: string, name: string, signal: AbortSignal): Promise<string> => {
    const { user } = await api.account(signal);
    const call = {
      what: `the folder ${name}`,
      method: "POST",
      body: { name, parent_folder_slug: parent },
      signal,
    } as const;
    return (await api.call({ ...call, path: `/v6/user/${encodeURIComponent(user)}/folder` }, folderAnswer)).slug;
  };

  /**
   * Looks before it creates, once more under the lock: another process may be as far. After a lost answer the next
   * attempt looks again, so that a folder created without our hearing of it is found instead of doubled.
   */
  const place = async (parent: string, name: string, signal: AbortSignal, note: (message: string) => void) => {
    const [first, ...others] = await childrenNamed(parent, name, signal);
    if (others.length > 0)
      note(`Ulož.to has ${others.length + 1} folders named ${name} in one place: the first listed is used`);
    if (first !== undefined) return first;
    return env.exclusive("folders", signal, async () => {
      const [meanwhile] = await childrenNamed(parent, name, signal);
      return meanwhile ?? create(parent, name, signal);
    });
  };

  const child = async (parent: string, name: string, signal: AbortSignal, note: (message: string) => void) => {
    const key = keyOf(parent, name);
    const slug = known.get(key);
    if (slug !== undefined) return slug;
    let flight = flights.get(key);
    if (flight === undefined) {
      flight = createFlight(async (shared) => {
        try {
          const placed = await place(parent, name, shared, note);
          known.set(key, placed);
          return placed;
        } finally {
          flights.delete(key);
        }
      });
      flights.set(key, flight);
    }
    return flight.join(signal);
  };

  return {
    async ensure(path, signal, note) {
      const names = partsOf(path);
      let slug = (await api.account(signal)).rootFolder;
      for (const name of names) slug = await child(slug, name, signal, note);
      return slug;
    },
    async find(path, signal) {
      let slug = (await api.account(signal)).rootFolder;
      for (const name of partsOf(path)) {
        const found: string | undefined = known.get(keyOf(slug, name)) ?? (await childrenNamed(slug, name, signal))[0];
        if (found === undefined) return null;
        known.set(keyOf(slug, name), found);
        slug = found;
      }
      return slug;
    },
    forget: () => known.clear(),
  };
}

function partsOf(path: string): readonly string[] {
  const names = path
    .split("/")
    .filter((name) => name !== "")
    .map((name) => name.normalize("NFC"));
  const tooLong = names.find((name) => [...name].length > LONGEST_NAME);
  if (tooLong === undefined) return names;
  throw new AppError(
    "host_rejected",
    `a folder's name is longer than ${LONGEST_NAME} characters: ${tooLong.slice(0, 40)}…`,
  );
}
