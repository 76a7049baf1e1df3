import { mkdtempSync, rmSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { type Config, loadConfig } from "../../src/config/load.ts";
import type { Environment } from "../../src/config/place.ts";
import { AppError } from "../../src/errors.ts";
import { defineHost, type Host, type HostDefinition, type SecretName } from "../../src/hosts/host.ts";

function host(id: string, needs: readonly SecretName[], accepts: readonly SecretName[]): Host {
  const definition: HostDefinition<v.GenericSchema<{ readonly user: string }>> = {
    id,
    title: id.toUpperCase(),
    defaultUrl: `https://${id}.example`,
    features: { verifies: null, needsSize: false, perAccount: 1, resumable: false, folders: false, commits: false },
    credentials: v.object({ user: v.string() }),
    needs,
    accepts,
    open: () => Promise.reject(new Error("not opened in these tests")),
    sandbox: () => Promise.reject(new Error("not opened in these tests")),
  };
  return defineHost(definition);
}

/** One host with a password, one with a token or password and an API key: the two shapes there are. */
export const HOSTS = {
  plain: host("plain", ["password"], []),
  keyed: host("keyed", ["token", "password"], ["apiKey"]),
};

/** A directory of its own for each test file. */
export class Home implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "hoist-config-"));

  async write(name: string, text: string, mode = 0o600): Promise<string> {
    const path = join(this.path, name);
    await writeFile(path, text);
    await chmod(path, mode);
    return path;
  }

  /** `toml` is the user's own config file; without it there is none. */
  async load(toml: string | null, env: Environment = {}, mode = 0o600): Promise<Config> {
    const config = toml === null ? undefined : await this.write("config.toml", toml, mode);
    return loadConfig({ hosts: HOSTS, config, place: { env, platform: "linux", home: this.path } });
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The AppError that `work` fails with. */
export async function failure(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof AppError) return error;
  throw error;
}
