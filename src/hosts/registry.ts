import type { Host } from "./host.ts";
import { ulozto } from "./ulozto/index.ts";
import { uploadgig } from "./uploadgig/index.ts";

/** Every host hoist can upload to: one line each. */
export const HOSTS: Readonly<Record<string, Host>> = {
  uploadgig,
  ulozto,
};
