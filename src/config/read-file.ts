import type { Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { AppError } from "../errors.ts";
import { shellWord } from "../safe-text.ts";
import type { ConfigPath } from "./paths.ts";
import type { Place } from "./place.ts";
import type { ConfigFile } from "./schema.ts";

export interface LoadedFile {
  readonly path: string;
  readonly content: ConfigFile;
  /** Sentences for a person; nothing that stops anything. */
  readonly warnings: readonly string[];
}

/**
 * The config file, parsed and judged as it was opened; null when there is none and none was asked for. Fails with
 * `config`. Parser and schema are loaded only when there is a file: most starts on a server have none.
 */
export async function readConfigFile({ path, asked }: ConfigPath, place: Place): Promise<LoadedFile | null> {
  const opened = await openFile(path, asked);
  if (opened === null) return null;
  let text: string;
  let stats: Stats;
  try {
    stats = await opened.stat();
    text = await opened.readFile("utf8");
  } catch (error) {
    throw cannotRead(path, error);
  } finally {
    await opened.close();
  }
  const content = await parseConfig(path, text);
  // What is said by a device or a pipe lies nowhere: no mode protects it.
  if (place.platform === "win32" || !stats.isFile()) return { path, content, warnings: [] };
  const { literalSecrets } = await import("./secret-spec.ts");
  return { path, content, warnings: judgeMode(path, stats.mode, literalSecrets(content)) };
}

async function openFile(path: string, asked: boolean): Promise<FileHandle | null> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (!asked && codeOf(error) === "ENOENT") return null;
    throw cannotRead(path, error);
  }
}

/** TOML text as the schema wants it. Fails with `config`, naming line or key path, never a value. */
export async function parseConfig(path: string, text: string): Promise<ConfigFile> {
  const [{ parse }, { safeParse }, { configFile }, { describeIssues }] = await Promise.all([
    import("smol-toml"),
    import("valibot"),
    import("./schema.ts"),
    import("./section.ts"),
  ]);
  let raw: unknown;
  try {
    raw = parse(text);
  } catch (error) {
    throw syntaxError(path, error);
  }
  const parsed = safeParse(configFile, raw);
  if (parsed.success) return parsed.output;
  const problems = describeIssues(parsed.issues);
  const more = problems.length > 3 ? ` (and ${problems.length - 3} more)` : "";
  throw new AppError("config", `${path}: ${problems.slice(0, 3).join("; ")}${more}`, {
    hint: "correct the file, then look again with: hoist config check",
  });
}

/** The parser's message ends with the line's text, which may hold a secret: only its first, fixed words are used. */
function syntaxError(path: string, error: unknown): AppError {
  const line = typeof error === "object" && error !== null && "line" in error ? Number(error.line) : 0;
  const words =
    error instanceof Error ? /^Invalid TOML document: ([a-z][a-z :,-]*)\n/.exec(error.message)?.[1] : undefined;
  return new AppError("config", `${path}: line ${line} is not valid TOML${words === undefined ? "" : `: ${words}`}`, {
    hint: "texts stand in quotes, tables in [brackets]",
  });
}

/** A secret in a file that others can read is no longer one. */
function judgeMode(path: string, mode: number, literals: readonly string[]): string[] {
  const permissions = (mode & 0o777).toString(8).padStart(4, "0");
  if (literals.length > 0 && (mode & 0o066) !== 0) {
    throw new AppError(
      "config",
      `${path} holds a secret (${literals.join(", ")}) and others may read it (${permissions})`,
      {
        hint: `chmod 600 ${shellWord(path)}`,
      },
    );
  }
  return (mode & 0o002) === 0
    ? []
    : [`${path} can be changed by anybody (${permissions}): chmod 600 ${shellWord(path)}`];
}

function cannotRead(path: string, error: unknown): AppError {
  const why: Readonly<Record<string, string>> = {
    ENOENT: "there is no such file",
    EACCES: "permission denied",
    EISDIR: "it is a directory",
  };
  return new AppError("config", `cannot read the config file ${path}: ${why[codeOf(error)] ?? codeOf(error)}`, {
    hint: `name another with --config or HOIST_CONFIG${codeOf(error) === "ENOENT" ? "; hoist account add makes it" : ""}`,
    cause: error,
  });
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown";
}
