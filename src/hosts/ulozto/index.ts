import { defineHost } from "../host.ts";
import { credentials } from "./schema.ts";

export const ulozto = defineHost({
  id: "ulozto",
  title: "Ulož.to Disk",
  defaultUrl: "https://apis.uloz.to",
  features: {
    verifies: "md5",
    needsSize: true,
    perAccount: 8,
    resumable: true,
    folders: true,
    commits: true,
  },
  credentials,
  needs: ["token", "password"],
  accepts: ["apiKey"],
  open: async (secrets, endpoint, env) => (await import("./session.ts")).openSession(secrets, endpoint, env),
  sandbox: async () => (await import("./sandbox.ts")).sandbox,
});
