import { type AppError, toAppError } from "../../../src/errors.ts";
import type { HostEnv } from "../../../src/hosts/host.ts";
import { uploadgig } from "../../../src/hosts/uploadgig/index.ts";
import { type FileSource, openFile } from "../../../src/io/source.ts";
import { type UploadGigStandIn, uploadGig } from "../../e2e/stand-in/uploadgig.ts";
import { hostEnv } from "../../support/host-env.ts";
import { bytesOf, temporaryDirectory } from "../../support/temporary.ts";
import {
  type ContextOptions,
  type RecordedContext,
  type Run,
  runAttempts,
  uploadContext,
} from "../../support/upload-context.ts";

export const PASSWORD = "cánary & 100%";
export const LARGE = 16_000_000;
/** Than those of sockets, which Linux lets grow to 36 MB. */
export const LARGER_THAN_BUFFERS = 48_000_000;

export interface Scene extends AsyncDisposable {
  readonly gig: UploadGigStandIn;
  /** Of the first `run`; every other one is an upload of its own. */
  readonly context: RecordedContext;
  source(size: number, name?: string): FileSource;
  /** One attempt; the failure it must end in. */
  fails(size: number): Promise<AppError>;
  /** Attempts until there is an outcome. */
  run(size: number, name?: string): Promise<Run>;
}

/** UploadGig's session against a strict stand-in of the host, on sockets. */
export async function scene(settings: ContextOptions & { readonly env?: Partial<HostEnv> } = {}): Promise<Scene> {
  const gig = await uploadGig({ password: PASSWORD });
  const directory = temporaryDirectory();
  const context = uploadContext(settings);
  const session = await uploadgig.open(
    { user: gig.user, password: PASSWORD },
    { baseUrl: gig.url, loopback: true },
    hostEnv(settings.env),
  );
  const sources: FileSource[] = [];
  let runs = 0;
  const source = (size: number, name = "a.bin") => {
    const opened = openFile(directory.file(`source-${sources.length}-${name.length}`, bytesOf(size)), { hash: false });
    sources.push(opened);
    return opened;
  };
  return {
    gig,
    context,
    source,
    fails: (size) =>
      session.upload(source(size), { name: "a.bin", folder: null }, context).then(
        () => Promise.reject(new Error("the upload succeeded")),
        (error) => toAppError(error),
      ),
    run(size, name = "a.bin") {
      const own = runs === 0 ? context : uploadContext(settings);
      runs += 1;
      return runAttempts(session, source(size), { name, folder: null }, own);
    },
    async [Symbol.asyncDispose]() {
      for (const opened of sources) opened[Symbol.dispose]();
      directory[Symbol.dispose]();
      await gig[Symbol.asyncDispose]();
    },
  };
}
