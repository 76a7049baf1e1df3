import { type Address, cannot, parseAddress } from "../core/remote/address.ts";
import { AppError } from "../errors.ts";
import type { RemoteFolders } from "../hosts/host.ts";
import type { CommandContext } from "./context.ts";
import { openApp } from "./open-app.ts";

/**
 * Something with what stands in an account, named by addresses as typed. Fails with `usage` before any call where they
 * name several accounts, none, or one on a host without folders.
 */
export async function withFolders<T>(
  context: CommandContext,
  command: string,
  typed: readonly string[],
  work: (folders: RemoteFolders, addresses: readonly Address[]) => Promise<T>,
): Promise<T> {
  const { out } = context;
  await using app = await openApp(context, {
    command,
    listen: (event) => event.type === "note" && out.note(event.text),
  });
  const addresses = typed.map((each) => parseAddress(each, app.config.accounts));
  const [first] = addresses;
  if (first === undefined) throw new AppError("usage", "nothing is named", { hint: "write ACCOUNT:/PATH" });
  if (addresses.some(({ account }) => account.key !== first.account.key)) {
    throw new AppError("usage", "all of them must stand in one account");
  }
  return app.use(first.account, ({ folders }) => {
    if (folders === undefined) throw cannot(first.account);
    return work(folders, addresses);
  });
}
