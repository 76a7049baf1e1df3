import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { App } from "../../app.ts";
import { formatBytes, formatTime } from "../../core/units.ts";
import { AppError } from "../../errors.ts";
import { BUILT } from "../../version.ts";
import { type Finding, look } from "./finding.ts";

const LITTLE_DISK = 1024 ** 3;
const NO_DISK = 64 * 1024 ** 2;
/** No build of this program is older. */
const OLDEST = Date.UTC(2025, 0, 1);
const DAY_MS = 86_400_000;

/** A wrong clock breaks certificates, cool-downs and the order of the history. */
export function clock(): Promise<Finding> {
  return look("clock", async () => {
    const now = Date.now();
    const built = Date.parse(BUILT);
    if (now < (Number.isNaN(built) ? OLDEST : built) - DAY_MS) {
      return { state: "warning", text: `${formatTime(now)} is before this program was made`, hint: "set the clock" };
    }
    return { state: "ok", text: formatTime(now) };
  });
}

/** The state directory: present and private, its database usable; or still to be made. */
export function stateDirectory(directory: string, app: App | null): Promise<Finding> {
  return look("state", async () => {
    const found = await stat(directory).catch(() => null);
    if (found === null) {
      const parent = await existingParent(directory);
      await access(parent, constants.W_OK).catch(() => {
        throw new AppError("state", `${directory} cannot be made: ${parent} is not writable`, {
          hint: ELSEWHERE,
        });
      });
      return { state: "ok", text: `${directory} is made when it is needed` };
    }
    if (!found.isDirectory()) {
      throw new AppError("state", `${directory} is no directory`, { hint: ELSEWHERE });
    }
    await access(directory, constants.W_OK | constants.X_OK).catch((error: NodeJS.ErrnoException) => {
      throw new AppError("state", `${directory} cannot be written to (${error.code})`, { hint: ELSEWHERE });
    });
    if (app === null) return { state: "note", text: `${directory} is there; not looked into` };
    let waiting = 0;
    for await (const _ of (await app.store()).resumable()) waiting += 1;
    const more = waiting === 0 ? "" : `; ${waiting} interrupted, see hoist resume --list`;
    // Opening it has taken rights of others away, where the directory is hoist's alone.
    const { mode } = await stat(directory);
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      const text = `others may look into ${directory} (${(mode & 0o777).toString(8).padStart(4, "0")})${more}`;
      return { state: "warning", text, hint: "hoist's own files are private; a directory of its own would be, too" };
    }
    return { state: "ok", text: `${directory}${more}` };
  });
}

const ELSEWHERE = "choose another with --state-dir or HOIST_STATE_DIR";

/** Room for the ledger and for what is spooled from standard input. */
export function disk(directory: string): Promise<Finding> {
  return look("disk", async () => {
    const { bavail, bsize } = await statfs(await existingParent(directory));
    const free = bavail * bsize;
    const text = `${formatBytes(free)} free for ${directory}`;
    if (free < NO_DISK) throw new AppError("state", text, { hint: "free some space; nothing can be recorded" });
    return free < LITTLE_DISK
      ? { state: "warning", text, hint: "standard input is spooled there" }
      : { state: "ok", text };
  });
}

/** The directory itself or the nearest one above that is there. */
async function existingParent(directory: string): Promise<string> {
  const found = await stat(directory).catch(() => null);
  return found !== null || dirname(directory) === directory ? directory : existingParent(dirname(directory));
}
