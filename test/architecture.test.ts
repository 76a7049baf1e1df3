import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { HOSTS } from "../src/hosts/registry.ts";

const SRC = join(import.meta.dir, "..", "src");

/** Files that everybody may import; they import nothing of ours. */
const LEAVES = ["errors.ts", "json.ts", "safe-text.ts", "version.ts"];

/**
 * The authority on who may import whom: a layer (a file or a folder of `src/`; `hosts/*` is each host by itself) and
 * what it may import besides itself and the leaves. What is not listed is forbidden, for types too.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["cli/", "app.ts"],
  // The composition root: the only file that brings registry, store, configuration and core together.
  "app.ts": ["config/", "core/", "hosts/registry.ts", "hosts/host.ts", "http/", "outbox/", "store/open.ts"],
  "cli/": ["app.ts", "config/", "core/", "hosts/host.ts", "http/", "server/"],
  "server/": ["app.ts", "config/", "core/", "io/"],
  // Tells others of what a server's jobs come to.
  "outbox/": ["config/", "core/", "http/", "server/signatures.ts"],
  "core/": ["hosts/host.ts", "hosts/phase.ts", "io/"],
  "hosts/": ["http/", "io/"],
  "hosts/*": ["hosts/", "http/", "io/"],
  "hosts/registry.ts": ["hosts/", "hosts/*"],
  "store/": ["core/job-store.ts", "core/serve-store.ts", "core/job.ts", "hosts/phase.ts"],
  "config/": ["core/", "hosts/host.ts", "http/address.ts"],
  "http/": ["io/"],
  "io/": [],
};

/**
 * The folders inside of a layer, lowest first: a file imports from its own folder, from those before it, and from what
 * lies beside the folders.
 */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  "core/": ["accounts", "sources", "planning", "sending", "serving", "remote"],
  "cli/": ["output", "argv", "server", "completions", "doctor", "service", "commands"],
};

/** What single files may import besides. */
const ALSO: Readonly<Record<string, readonly string[]>> = {
  // Runs the simulated hosts, which no engine is needed for.
  "cli/commands/sandbox.ts": ["hosts/registry.ts", "hosts/sandbox-server.ts", "hosts/sandbox-faults.ts"],
};

/** Packages and the only layers that know them; the rest is free of them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  citty: ["cli/"],
  consola: ["cli/"],
  "@clack/prompts": ["cli/"],
  hono: ["server/", "hosts/", "hosts/*"],
  "smol-toml": ["config/"],
  valibot: ["app.ts", "cli/", "config/", "core/", "hosts/", "hosts/*", "http/", "server/", "store/"],
  "@valibot/to-json-schema": ["server/"],
  "prom-client": ["server/"],
  re2js: ["server/"],
  "bun:sqlite": ["store/"],
};

interface Import {
  readonly from: string;
  /** Relative to `src`, or a package. */
  readonly to: string;
}

const files = [...new Bun.Glob("**/*.ts").scanSync(SRC)].sort();
const imports = (await Promise.all(files.map(importsOf))).flat();

/** Static, dynamic and type-only; biome's formatting makes the text reliable, the transpiler checks that. */
async function importsOf(from: string): Promise<Import[]> {
  const code = await Bun.file(join(SRC, from)).text();
  const found = new Set(
    [...code.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*"([^"]+)"/g)].map((match) => match[1] ?? ""),
  );
  for (const { path } of new Bun.Transpiler({ loader: "ts" }).scanImports(code)) {
    if (!found.has(path)) throw new Error(`${from}: the import of ${path} is written in an unexpected form`);
  }
  return [...found].map((path) => ({ from, to: path.startsWith(".") ? normalize(join(dirname(from), path)) : path }));
}

/** The most exact key of the table that covers a file. */
function layerOf(file: string): string {
  if (ARROWS[file] !== undefined || LEAVES.includes(file)) return file;
  const host = /^hosts\/([^/]+)\//.exec(file);
  return host === null ? `${file.split("/")[0]}/` : "hosts/*";
}

/** Whether an import inside of a layer goes up in the order of its folders. */
function climbs({ from, to }: Import): boolean {
  const layer = layerOf(from);
  const folders = layer === layerOf(to) ? FOLDERS[layer] : undefined;
  if (folders === undefined) return false;
  const rank = (file: string) => folders.indexOf(file.split("/")[1] ?? "");
  return rank(from) !== -1 && rank(to) > rank(from);
}

function mayImport({ from, to }: Import): boolean {
  if (LEAVES.includes(to)) return true;
  const layer = layerOf(from);
  if (layer === "hosts/*" && layerOf(to) === "hosts/*")
    return dirname(from).split("/")[1] === dirname(to).split("/")[1];
  if (layer === layerOf(to)) return !LEAVES.includes(layer);
  return [...(ARROWS[layer] ?? []), ...(ALSO[from] ?? [])].some((allowed) => allowed === to || allowed === layerOf(to));
}

describe("arrows", () => {
  test("every file belongs to a layer of the table", () => {
    expect(files.filter((file) => ARROWS[layerOf(file)] === undefined && !LEAVES.includes(file))).toEqual([]);
  });

  test("every import follows one", () => {
    const ours = imports.filter(({ to }) => to.endsWith(".ts"));
    expect(ours.length).toBeGreaterThan(50);
    expect(ours.filter((each) => !mayImport(each)).map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  test("no import climbs from a folder of a layer to a later one", () => {
    expect(climbs({ from: "core/sending/queue.ts", to: "core/serving/worker.ts" })).toBe(true);
    expect(climbs({ from: "core/serving/worker.ts", to: "core/sending/queue.ts" })).toBe(false);
    expect(imports.filter(climbs).map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  test("every folder of an ordered layer has its place", () => {
    const strays = files.filter((file) => {
      const [layer, folder, ...rest] = file.split("/");
      return rest.length > 0 && FOLDERS[`${layer}/`]?.includes(folder ?? "") === false;
    });
    expect(strays).toEqual([]);
  });

  test("the table forbids what it should", () => {
    const forbidden: Import[] = [
      { from: "core/sending/queue.ts", to: "store/open.ts" },
      { from: "core/sending/queue.ts", to: "hosts/registry.ts" },
      { from: "core/sending/queue.ts", to: "hosts/ulozto/index.ts" },
      { from: "core/sending/queue.ts", to: "config/load.ts" },
      { from: "core/sending/queue.ts", to: "cli/output/output.ts" },
      { from: "hosts/ulozto/index.ts", to: "hosts/uploadgig/index.ts" },
      { from: "hosts/ulozto/index.ts", to: "core/sending/queue.ts" },
      { from: "hosts/ulozto/index.ts", to: "hosts/registry.ts" },
      { from: "hosts/host.ts", to: "hosts/ulozto/index.ts" },
      { from: "cli/run.ts", to: "store/open.ts" },
      { from: "cli/run.ts", to: "hosts/registry.ts" },
      { from: "server/app.ts", to: "cli/run.ts" },
      { from: "errors.ts", to: "core/job.ts" },
      { from: "http/request.ts", to: "hosts/host.ts" },
    ];
    expect(forbidden.filter(mayImport)).toEqual([]);
  });

  test("packages stay in their layers", () => {
    const strays = imports.filter(({ from, to }) => {
      const name = Object.keys(PACKAGES).find((known) => to === known || to.startsWith(`${known}/`));
      return name !== undefined && PACKAGES[name]?.includes(layerOf(from)) !== true;
    });
    expect(strays.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  test("every dependency has its layers", async () => {
    const { dependencies } = await Bun.file(join(SRC, "..", "package.json")).json();
    expect(Object.keys(dependencies).filter((name) => PACKAGES[name] === undefined)).toEqual([]);
  });
});

const SECRET_NAME = /secret|token|signature|digest|hmac|\bmac\b|password|credential/i;
/** Says nothing of what a secret holds, but whether there is one. */
const EMPTY = /^(?:null|undefined|""|''|``)$/;
const OPERAND = String.raw`[\w$.?!]+(?:\([^()]*\))?|"[^"]*"|'[^']*'`;
const EQUALITY = new RegExp(`(${OPERAND}) *[!=]==? *(${OPERAND})`, "g");
/** Of texts, lists and buffers, all of which stop at the first difference. */
const SEARCH = new RegExp(
  `(${OPERAND})\\.(?:equals|includes|indexOf|startsWith|endsWith|localeCompare|compare)\\(\\s*(${OPERAND})`,
  "g",
);

/** Comparisons whose time tells how much of a secret was right. */
function leakyComparisons(code: string): string[] {
  return [...code.matchAll(EQUALITY), ...code.matchAll(SEARCH)]
    .filter(([, one = "", other = ""]) => isSecret(one) || isSecret(other))
    .filter(([, one = "", other = ""]) => !EMPTY.test(one) && !EMPTY.test(other))
    .map(([text]) => text);
}

/** By the last part of its name; neither its length nor a constant of the program is one. */
function isSecret(operand: string): boolean {
  const name = operand.replace(/\(.*$/, "").split(".").at(-1) ?? "";
  return !/^["']/.test(operand) && /[a-z]/.test(name) && name !== "length" && SECRET_NAME.test(name);
}

describe("secrets of those who ask the server", () => {
  test("are compared by digests in constant time, and by nothing else", async () => {
    const leaks: string[] = [];
    for (const file of files.filter((each) => /^(?:server|outbox)\//.test(each) && !each.includes("/client/"))) {
      const found = leakyComparisons(await Bun.file(join(SRC, file)).text());
      leaks.push(...found.map((text) => `${file}: ${text}`));
    }
    // What a configured secret begins with is read when it is loaded.
    expect(leaks).toEqual(["server/signatures.ts: secret.startsWith(PREFIX"]);
  });

  test("the rule forbids what it should", () => {
    const wrong = [
      "if (given === secret) return",
      "known.secret !== given",
      "headers.get(name) === signature",
      "digestOf(given) == digestOf(known)",
      "signature.equals(expected)",
      "tokens.includes(given)",
      "given.startsWith(token)",
      "expected === auth.password",
      "Buffer.compare(digest",
    ];
    expect(wrong.filter((code) => leakyComparisons(code).length === 0)).toEqual([]);
    const right = ["token === null", 'secret !== ""', "secret.length >= SHORTEST", 'kind === "query_token"', "a === b"];
    expect(right.flatMap(leakyComparisons)).toEqual([]);
  });
});

describe("hosts", () => {
  const folders = new Set(files.flatMap((file) => /^hosts\/([^/]+)\//.exec(file)?.[1] ?? []));

  test("every folder is registered under its own name", () => {
    expect(Object.keys(HOSTS).sort()).toEqual([...folders].sort());
    for (const [id, host] of Object.entries(HOSTS)) expect(host.id).toBe(id);
  });

  test.each(Object.keys(HOSTS))("%s has a sandbox and runs the contract suite", async (id) => {
    expect(existsSync(join(SRC, "hosts", id, "sandbox.ts"))).toBe(true);
    const suite = Bun.file(join(import.meta.dir, "hosts", id, "contract.test.ts"));
    expect(await suite.text()).toContain("contracts/host.ts");
  });

  test("nothing outside a host's folder and the registry names it", async () => {
    const strangers = [];
    for (const file of files.filter((each) => !each.startsWith("hosts/") && !each.startsWith("cli/"))) {
      const code = await Bun.file(join(SRC, file)).text();
      for (const id of Object.keys(HOSTS))
        if (new RegExp(`["'\`]${id}["'\`]`).test(code)) strangers.push(`${file}: ${id}`);
    }
    expect(strangers).toEqual([]);
  });
});

describe("files", () => {
  test("are of one idea: at most 250 lines", async () => {
    const long = [];
    for (const file of files) {
      const lines = (await Bun.file(join(SRC, file)).text()).split("\n").length - 1;
      if (lines > 250) long.push(`${file}: ${lines}`);
    }
    expect(long).toEqual([]);
  });

  test("have names of a kind, and no default exports", async () => {
    const named = (file: string) => /^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*\.ts$/.test(file);
    expect(files.filter((file) => !named(file) || /(?:^|\/)(?:utils?|helpers?|common|misc)\.ts$/.test(file))).toEqual(
      [],
    );
    const defaults = [];
    for (const file of files) if (/^export default /m.test(await Bun.file(join(SRC, file)).text())) defaults.push(file);
    expect(defaults).toEqual([]);
  });
});
