import * as v from "valibot";
import { defineHost } from "../host.ts";

export const uploadgig = defineHost({
  id: "uploadgig",
  title: "UploadGig",
  // `www.` answers 404 [O].
  defaultUrl: "https://uploadgig.com",
  features: {
    verifies: "size",
    needsSize: false,
    // Every upload is a login, and logins are rate limited [O].
    perAccount: 1,
    resumable: false,
    folders: false,
    commits: false,
  },
  credentials: v.object({ user: v.string(), password: v.string("the password is missing") }),
  needs: ["password"],
  accepts: [],
  open: async (credentials, endpoint, env) => (await import("./session.ts")).openSession(credentials, endpoint, env),
  sandbox: async () => (await import("./sandbox.ts")).sandbox,
});
