import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { AppError } from "../errors.ts";
import type { SecretName } from "../hosts/host.ts";
import { FILE_NAMES, secretVariable } from "./names.ts";
import { type Environment, fromHome, variable } from "./place.ts";
import type { SecretSpec } from "./secret-spec.ts";

/** One place where a secret may stand. */
export interface SecretSource {
  readonly secret: SecretName;
  /** For people: the variable, file or key, never the value. */
  readonly origin: string;
  /** The variable that the config file names for it. */
  readonly variable?: string;
  /** Whether something seems to stand there; runs no command and reads no secret. */
  there(): Promise<boolean>;
  /** Null when nothing stands there. Fails with `config` when it is named but cannot be had. */
  read(): Promise<string | null>;
}

/** A password manager may ask its person first. */
const COMMAND_TIMEOUT_MS = 120_000;

/** `HOIST_<ACCOUNT>_<SECRET>` or its `_FILE`. Fails with `config` when both are set. */
export function fromEnvironment(account: string, secret: SecretName, env: Environment): SecretSource | null {
  const name = secretVariable(account, secret);
  const value = variable(env, name);
  const path = variable(env, `${name}_FILE`);
  if (value !== undefined && path !== undefined) {
    throw new AppError("config", `${name} and ${name}_FILE are both set`, { hint: "keep one of them" });
  }
  if (value !== undefined) return { secret, origin: name, there: certainly, read: async () => value };
  if (path === undefined) return null;
  return { secret, origin: `${name}_FILE`, there: certainly, read: () => readSecretFile(path, `${name}_FILE`) };
}

/** systemd's `LoadCredential=<account>.password:…`. */
export function fromCredentialsDirectory(account: string, secret: SecretName, env: Environment): SecretSource | null {
  const directory = variable(env, "CREDENTIALS_DIRECTORY");
  if (directory === undefined) return null;
  const file = `${account}.${FILE_NAMES[secret]}`;
  const path = join(directory, file);
  return {
    secret,
    origin: `credential ${file}`,
    there: () => Bun.file(path).exists(),
    read: async () => {
      const text = await readFile(path, "utf8").catch((error: unknown) => {
        if (codeOf(error) === "ENOENT") return "";
        throw cannotRead(`$CREDENTIALS_DIRECTORY/${file}`, path, error);
      });
      return withoutLastNewline(text) || null;
    },
  };
}

/** What paths and variables in a config file refer to. */
export interface ConfigPlace {
  readonly configPath: string;
  readonly env: Environment;
}

/** A key of the config file; paths in it are relative to its folder. */
export function fromConfigFile(
  account: string,
  secret: SecretName,
  spec: SecretSpec,
  place: ConfigPlace,
): SecretSource {
  const key = `accounts.${account}.${FILE_NAMES[secret]}`;
  const read = () => readSpec(key, spec, place);
  switch (spec.from) {
    case "literal":
      return { secret, origin: "the config file", there: certainly, read };
    case "env":
      return {
        secret,
        origin: `the config file (variable ${spec.name})`,
        variable: spec.name,
        there: async () => variable(place.env, spec.name) !== undefined,
        read,
      };
    case "file":
      return { secret, origin: `the config file (file ${spec.path})`, there: certainly, read };
    case "command":
      return { secret, origin: `the config file (command ${spec.command[0]})`, there: certainly, read };
  }
}

/** The secret that `key` stands for; null when it names a variable that is not set. Fails with `config`. */
export async function readSpec(key: string, spec: SecretSpec, place: ConfigPlace): Promise<string | null> {
  switch (spec.from) {
    case "literal":
      return spec.value;
    case "env":
      return variable(place.env, spec.name) ?? null;
    case "file":
      return readSecretFile(pathOfSecret(spec, place.configPath), key);
    case "command":
      return runSecretCommand(spec.command, key);
  }
}

/** What is named must be there: when it is not, reading it is an error. */
const certainly = async () => true;

/** Without the last newline. Fails with `config`, naming `what`. */
export async function readSecretFile(path: string, what: string): Promise<string> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw cannotRead(what, path, error);
  });
  const value = withoutLastNewline(text);
  if (value === "") throw new AppError("config", `${what}: the file ${path} is empty`);
  return value;
}

/** Runs without a shell and without our standard input, which may be what is uploaded. Nothing it prints is quoted. */
async function runSecretCommand(command: readonly [string, ...string[]], key: string): Promise<string> {
  const [program] = command;
  let child: Bun.Subprocess<"ignore", "pipe", "inherit">;
  try {
    child = Bun.spawn({
      cmd: [...command],
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
      timeout: COMMAND_TIMEOUT_MS,
    });
  } catch (error) {
    throw new AppError("config", `${key}: the command ${program} cannot be run (${codeOf(error)})`, { cause: error });
  }
  const text = await new Response(child.stdout).text();
  const code = await child.exited;
  if (code !== 0) {
    throw new AppError("config", `${key}: the command ${program} failed with exit code ${code}`, {
      hint: "run it by hand to see why",
    });
  }
  const value = withoutLastNewline(text);
  if (value === "") throw new AppError("config", `${key}: the command ${program} printed nothing`);
  return value;
}

/** Relative paths start at the config file. */
export function pathOfSecret({ path }: Extract<SecretSpec, { readonly from: "file" }>, configPath: string): string {
  return resolve(dirname(configPath), fromHome(path));
}

function withoutLastNewline(text: string): string {
  return text.replace(/\r?\n$/, "");
}

function cannotRead(what: string, path: string, error: unknown): AppError {
  return new AppError("config", `${what}: the file ${path} cannot be read (${codeOf(error)})`, { cause: error });
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "unknown";
}
