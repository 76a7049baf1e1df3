import { afterEach, beforeEach, describe } from "bun:test";
import { describeCancelAndRetry } from "./serve-store/cancel-and-retry.ts";
import { describeForgetting } from "./serve-store/forgetting.ts";
import { describeJobs } from "./serve-store/jobs.ts";
import { describeOutside } from "./serve-store/outside.ts";
import { describeOwnedUploads } from "./serve-store/owned-uploads.ts";
import { describePages } from "./serve-store/pages.ts";
import { describeRequestKeys } from "./serve-store/request-keys.ts";
import { ServeScene, type ServeStoreFixture } from "./serve-store/scene.ts";
import { describeTakeover } from "./serve-store/takeover.ts";

/** What every store of a server must do within one process. `now` is the store's clock. */
export function describeServeStore(name: string, open: (now: () => number) => ServeStoreFixture): void {
  describe(name, () => {
    const at = new ServeScene(open);
    beforeEach(() => at.begin());
    afterEach(() => at.end());

    describeJobs(at);
    describeRequestKeys(at);
    describePages(at);
    describeOwnedUploads(at);
    describeCancelAndRetry(at);
    describeForgetting(at);
    describeTakeover(at);
    describeOutside(at);
  });
}
