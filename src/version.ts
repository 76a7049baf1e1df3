declare const HOIST_VERSION: string | undefined;
declare const HOIST_COMMIT: string | undefined;

/** Baked in by `build.ts`; "source" when run without a build. */
export const VERSION: string = typeof HOIST_VERSION === "string" ? HOIST_VERSION : "source";

/** The commit it was built from, abbreviated, with `+` when the tree was changed; "unknown" outside a checkout. */
export const COMMIT: string = typeof HOIST_COMMIT === "string" ? HOIST_COMMIT : "unknown";
