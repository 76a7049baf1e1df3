import { join } from "node:path";

/** Programs in C that the bench builds for itself. */
export interface Peers {
  readonly measure: string;
  readonly sink: string;
  readonly sendfile: string;
  /** Scripts, to be run by python3. */
  readonly rawPost: string;
  readonly uloztoLoop: string;
}

const SOURCES = join(import.meta.dir, "peers");

/** Fails when there is no C compiler, or OpenSSL's headers are not there. */
export function buildPeers(directory: string): Peers {
  const build = (name: string, ...libraries: string[]): string => {
    const binary = join(directory, name);
    const command = ["cc", "-O2", "-Wall", "-pthread", "-o", binary, join(SOURCES, `${name}.c`), ...libraries];
    const { exitCode, stderr } = Bun.spawnSync(command);
    if (exitCode !== 0) throw new Error(`${name}.c is not built (it takes cc and libssl-dev):\n${stderr.toString()}`);
    return binary;
  };
  return {
    measure: build("measure"),
    sink: build("sink", "-lssl", "-lcrypto"),
    sendfile: build("sendfile-client"),
    rawPost: join(SOURCES, "raw-post.py"),
    uloztoLoop: join(SOURCES, "ulozto-loop.py"),
  };
}
