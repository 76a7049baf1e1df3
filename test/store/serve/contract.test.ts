import { openStore } from "../../../src/store/open.ts";
import { describeServeStore } from "../../contracts/serve-store.ts";
import { temporaryDirectory } from "../../support/temporary.ts";

describeServeStore("a server's store in memory", (now) => {
  const store = openStore({ directory: null, command: "hoist test", now });
  return { store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
});

describeServeStore("a server's store in a directory", (now) => {
  const directory = temporaryDirectory();
  const store = openStore({ directory: directory.path, command: "hoist test", now });
  return {
    store,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    },
  };
});
