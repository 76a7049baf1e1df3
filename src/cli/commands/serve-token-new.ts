import { newServerToken } from "../../config/server-address.ts";
import { defineCommand } from "../command.ts";

export const serveTokenNew = defineCommand({
  name: "serve token new",
  summary: "make a token for the server",
  details: [
    "Prints 32 random bytes in a form that is a token of the server, the secret of a hook, or what callbacks are " +
      "signed with. It is kept nowhere: put it into a file that only the server can read, and name that file.",
  ],
  examples: [
    [
      "(umask 077; hoist serve token new > /etc/hoist/ci.token)",
      'for secret = { file = "ci.token" } under [[serve.tokens]]',
    ],
    ["HOIST_SERVE_TOKEN=$(hoist serve token new) hoist serve", "for one run"],
  ],
  options: {},
  async run({ out }) {
    out.print(newServerToken());
    return 0;
  },
});
