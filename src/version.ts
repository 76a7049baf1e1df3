import manifest from "../package.json" with { type: "json" };

declare const HOIST_COMMIT: string | undefined;
declare const HOIST_BUILT: string | undefined;

export const VERSION: string = manifest.version;

/** The commit `build.ts` built from, with `+` when files were changed; "source" unbuilt, "unknown" without a checkout. */
export const COMMIT: string = typeof HOIST_COMMIT === "string" ? HOIST_COMMIT : "source";

/** When that commit was made (ISO 8601): a build of one commit is always the same. "unknown" without one. */
export const BUILT: string = typeof HOIST_BUILT === "string" ? HOIST_BUILT : "unknown";
