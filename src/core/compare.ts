import type { HostSession, RemoteEntry, RemoteFolders } from "../hosts/host.ts";
import type { Account } from "./accounts/account.ts";
import type { PlanView } from "./views.ts";

export interface CompareWorld {
  /** By name. */
  readonly accounts: ReadonlyMap<string, Account>;
  use<T>(account: Account, work: (session: HostSession) => Promise<T>): Promise<T>;
}

/**
 * Of planned uploads those that the destination does not have: nothing of that name is there, or only with another
 * size. Of a host without folders the ledger alone can tell. A source of unknown size, and one that fails, stays as it
 * is planned. Reads only; a folder is listed once.
 */
export async function* compare(
  planned: AsyncIterable<PlanView>,
  { accounts, use }: CompareWorld,
  signal: AbortSignal,
): AsyncGenerator<PlanView> {
  const views = await Array.fromAsync(planned);
  const wanted = Map.groupBy(views.filter(isComparable), (view) => view.account);
  const there = new Map<PlanView, readonly RemoteEntry[] | null>();
  for (const [name, some] of wanted) {
    const account = accounts.get(name);
    if (account === undefined || !account.host.features.folders) continue;
    await use(account, async ({ folders }) => {
      if (folders === undefined) return;
      const look = createLook(folders, signal);
      for (const view of some) there.set(view, await look(view.folder ?? "/", view.name));
    });
  }
  for (const view of views) {
    const found = there.get(view) ?? null;
    if (found === null) {
      if (view.recorded !== true) yield view;
    } else if (found.length === 0) yield { ...view, there: "missing" };
    else if (!found.some(({ size }) => size === view.size)) {
      yield { ...view, there: "differs", sizesThere: found.map(({ size }) => size) };
    }
  }
}

function isComparable({ error, size }: PlanView): boolean {
  return error === undefined && size !== null;
}

/** Files of a name in a folder; several of one name may stand there, and of several folders the first counts. */
function createLook(folders: RemoteFolders, signal: AbortSignal) {
  const ids = new Map<string, Promise<string | null>>();
  const files = new Map<string, Promise<ReadonlyMap<string, readonly RemoteEntry[]>>>();

  const idOf = (path: string): Promise<string | null> => ids.getOrInsertComputed(path, () => findId(path));
  const findId = async (path: string): Promise<string | null> => {
    if (path === "/") return (await folders.root(signal)).id;
    const slash = path.lastIndexOf("/");
    const parent = await idOf(slash === 0 ? "/" : path.slice(0, slash));
    if (parent === null) return null;
    const inside = await folders.list(parent, signal, "folder");
    return inside.find(({ name }) => name.normalize("NFC") === path.slice(slash + 1))?.id ?? null;
  };
  const filesIn = (id: string) =>
    files.getOrInsertComputed(id, async () =>
      Map.groupBy(await folders.list(id, signal, "file"), ({ name }) => name.normalize("NFC")),
    );

  return async (folder: string, name: string): Promise<readonly RemoteEntry[]> => {
    const id = await idOf(folder);
    return id === null ? [] : ((await filesIn(id)).get(name.normalize("NFC")) ?? []);
  };
}
