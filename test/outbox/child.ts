import { toAppError } from "../../src/errors.ts";
import { parseCallbackHosts } from "../../src/outbox/callback-hosts.ts";
import { callBack } from "../../src/outbox/callbacks.ts";

// Trusted authorities are read once, at the start of a process. Arguments: url, host listed, address it leads to.
const [url = "", listed = "", address = ""] = process.argv.slice(2);
const key = new Uint8Array(32);
const settings = { key, hosts: parseCallbackHosts([listed, address]) };
const world = { resolve: async () => [address], now: Date.now, signal: new AbortController().signal };
const told = await callBack({ id: "msg", url, body: "{}" }, settings, world).then(
  (status) => `HTTP ${status}`,
  (thrown: unknown) => `${toAppError(thrown).code}: ${toAppError(thrown).message}`,
);
process.stdout.write(told);
