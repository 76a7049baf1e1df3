import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { AppError } from "../errors.ts";

/** Where a running server listens: `http://127.0.0.1:7411`, or `unix:` and the socket's path. */
export interface ServerAddress {
  readonly url: string;
}

const ADDRESS_FILE = "serve.json";
const TOKEN_FILE = "serve-token";

/** What the server makes as a token of its own, and `hoist serve token new` prints: it can sign webhooks, too. */
export function newServerToken(): string {
  for (;;) {
    const token = `whsec_${randomBytes(32).toString("base64")}`;
    // In `?token=` a plus would be read as a blank; without the signs of base64 the token is the same everywhere.
    if (!/[+/]/.test(token)) return token;
  }
}

/** The token that a server without configured ones made for itself. */
export function serverTokenPath(stateDir: string): string {
  return join(stateDir, TOKEN_FILE);
}

/** Tells clients of this state directory where the server listens. Fails with `state`. */
export async function writeServerAddress(stateDir: string, address: ServerAddress): Promise<void> {
  await writePrivate(stateDir, ADDRESS_FILE, `${JSON.stringify(address)}\n`);
}

/** The server at `url` has ended; the address of another one stays. */
export async function removeServerAddress(stateDir: string, url: string): Promise<void> {
  if ((await readServerAddress(stateDir))?.url !== url) return;
  await rm(join(stateDir, ADDRESS_FILE), { force: true });
}

const addressFile = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ url: v.pipe(v.string(), v.regex(/^(?:https?:\/\/|unix:\/)/)) }),
);

/** Where the server of this state directory listens, or did when it was killed; null when none has. */
export async function readServerAddress(stateDir: string): Promise<ServerAddress | null> {
  const text = await readIfThere(join(stateDir, ADDRESS_FILE));
  const parsed = text === null ? null : v.safeParse(addressFile, text);
  return parsed?.success === true ? parsed.output : null;
}

/** The token the server made; null when there is none. Fails with `state`. */
export async function readServerToken(stateDir: string): Promise<string | null> {
  const text = (await readIfThere(serverTokenPath(stateDir)))?.trim() ?? "";
  return text === "" ? null : text;
}

/** The token made earlier or a new one. Fails with `state`. */
export async function ensureServerToken(
  stateDir: string,
): Promise<{ readonly token: string; readonly path: string; readonly created: boolean }> {
  const path = serverTokenPath(stateDir);
  const known = await readServerToken(stateDir);
  if (known !== null) return { token: known, path, created: false };
  const token = newServerToken();
  await writePrivate(stateDir, TOKEN_FILE, `${token}\n`);
  return { token, path, created: true };
}

/** All or nothing, for the owner alone. */
async function writePrivate(directory: string, name: string, text: string): Promise<void> {
  const temporary = join(directory, `.${name}-${randomUUID()}`);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    try {
      await using file = await open(temporary, "wx", 0o600);
      await file.writeFile(text);
      await file.sync();
      await rename(temporary, join(directory, name));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  } catch (error) {
    throw new AppError("state", `${join(directory, name)} cannot be written (${codeOf(error)})`, { cause: error });
  }
}

async function readIfThere(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch((error: unknown) => {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return null;
    throw new AppError("state", `${path} cannot be read (${codeOf(error)})`, { cause: error });
  });
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown";
}
