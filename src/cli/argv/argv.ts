import { parseArgs } from "node:util";
import { didYouMean } from "../../core/nearest.ts";
import { AppError } from "../../errors.ts";
import { GLOBAL_OPTIONS, type Globals } from "../globals.ts";
import { longFlag, type Option, type Options, standsAlone } from "./options.ts";

/** How many words a command takes besides its options. */
export interface Operands {
  /** As in the usage line: `<path|->…`. */
  readonly usage: string;
  readonly min: number;
  readonly max: number;
  /** The command tells of an empty word itself. */
  readonly mayBeEmpty?: true;
}

export type Token =
  /** `key` null: not known. `typed` is what stands in argv: `--to`, `-t`. */
  | {
      readonly kind: "option";
      readonly key: string | null;
      readonly option: Option | null;
      readonly typed: string;
      readonly value: string | undefined;
      /** `--key=value` or `-kvalue`. */
      readonly inline: boolean;
    }
  | {
      readonly kind: "operand";
      readonly value: string;
      /** Position in argv. */
      readonly index: number;
    };

/** What is left when nothing is wrong. */
export interface CheckedArgv {
  /** Single values in their only form, `--key=value`, `--key` or `--no-key`, for citty. */
  readonly spelledOut: readonly string[];
  readonly lists: Readonly<Record<string, readonly string[]>>;
  readonly operands: readonly string[];
}

/** argv → tokens; never fails, so that `--help` is found whatever else is wrong. */
export function tokenize(argv: readonly string[], options: Options): readonly Token[] {
  const byFlag = new Map<string, readonly [string, Option]>();
  const shapes: Record<string, { type: "string" | "boolean"; short?: string }> = {};
  for (const [key, option] of Object.entries(options)) {
    const flag = longFlag(key, option);
    byFlag.set(flag, [key, option]);
    if (option.short !== undefined) byFlag.set(`-${option.short}`, [key, option]);
    const short = option.short === undefined ? {} : { short: option.short };
    shapes[flag.slice(2)] = { type: standsAlone(option) ? "boolean" : "string", ...short };
  }
  const { tokens } = parseArgs({
    args: [...argv],
    options: shapes,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const taken = new Set<number>();
  const known = (token: (typeof tokens)[number]) => token.kind !== "option" || byFlag.has(token.rawName);
  const misspelt = new Set(tokens.filter((token) => !known(token)).map(({ index }) => index));
  return tokens.flatMap((token): Token[] => {
    if (taken.has(token.index)) return [];
    // The h in `-dash` asks for no help: of a cluster with unknown letters only these are left.
    if (misspelt.has(token.index) && known(token)) return [];
    if (token.kind === "positional") return [{ kind: "operand", value: token.value, index: token.index }];
    if (token.kind === "option-terminator") return [];
    const [key, option] = byFlag.get(token.rawName) ?? [null, null];
    const word = argv[token.index] ?? "";
    // `-to` is `--to` with a dash too few, and not a cluster of -t and -o. Other words are not named whole: `-pSECRET`.
    const typed = key === null && byFlag.has(`-${word}`) ? word : token.rawName;
    const next = argv[token.index + 1] ?? "";
    if (option?.type === "value" && option.lone?.test(next) === true && token.inlineValue !== true) {
      taken.add(token.index + 1);
      return [{ kind: "option", key, option, typed, value: next, inline: false }];
    }
    return [{ kind: "option", key, option, typed, value: token.value, inline: token.inlineValue === true }];
  });
}

/** The global options as far as they are understood, so that even a usage error is told in the form asked for. */
export function readGlobals(tokens: readonly Token[]): Globals & { readonly help: boolean; readonly version: boolean } {
  const given = new Map<string | null, string | undefined>(
    tokens.flatMap((token) => (token.kind === "option" ? [[token.key, token.value]] : [])),
  );
  return {
    config: given.get("config") ?? undefined,
    stateDir: given.get("stateDir") ?? undefined,
    color: oneOf(GLOBAL_OPTIONS.color, given.get("color")),
    logFormat: oneOf(GLOBAL_OPTIONS.logFormat, given.get("logFormat")),
    quiet: given.has("quiet"),
    verbose: given.has("verbose"),
    help: given.has("help"),
    version: given.has("version"),
  };
}

function oneOf<C extends string>(option: { choices: readonly C[]; default: C }, typed: string | undefined): C {
  return option.choices.find((choice) => choice === typed) ?? option.default;
}

/** Options that name a place: an unset variable in a script would silently choose the working directory. */
const NEVER_EMPTY: ReadonlySet<string> = new Set(["config", "stateDir", "filesFrom"]);

/** Fails with `usage` at the first thing that is not understood, in the order typed. */
export function checkTokens(tokens: readonly Token[], options: Options, operands: Operands): CheckedArgv {
  const spelledOut = new Map<string, string>();
  const lists: Record<string, string[]> = {};
  const words: string[] = [];
  for (const [key, option] of Object.entries(options)) if (option.type === "list") lists[key] = [];
  for (const token of tokens) {
    if (token.kind === "operand") {
      words.push(token.value);
      if (words.length > operands.max) throw stray(token.value, operands);
      if (token.value === "" && operands.mayBeEmpty !== true) throw emptyWord(operands);
      continue;
    }
    const { key, option, typed } = token;
    if (key === null || option === null) throw unknownOption(typed, options);
    if (option.type === "flag") {
      if (token.inline) throw new AppError("usage", `${typed} takes no value`);
      spelledOut.set(key, option.negated === true ? `--no-${key}` : `--${key}`);
      continue;
    }
    const value = standsAlone(option) ? (token.value ?? "") : requiredValue(token, typed);
    if (value === "" && NEVER_EMPTY.has(key)) throw new AppError("usage", `${typed} needs a value`);
    if (option.type === "choice" && !option.choices.includes(value)) throw badChoice(typed, value, option.choices);
    if (option.type === "list") {
      lists[key]?.push(value);
      continue;
    }
    if (spelledOut.has(key)) {
      throw new AppError("usage", `${longFlag(key, option)} is given twice`, { hint: "it takes one value" });
    }
    spelledOut.set(key, `--${key}=${value}`);
  }
  for (const [key, option] of Object.entries(options)) {
    if (option.type === "value" && option.required === true && !spelledOut.has(key)) {
      throw new AppError("usage", `${longFlag(key, option)} ${option.hint} is missing`);
    }
  }
  if (words.length < operands.min) throw new AppError("usage", `${operands.usage} is missing`);
  return { spelledOut: [...spelledOut.values()], lists, operands: words };
}

/** A word that looks like an option is more likely a forgotten value than a value. */
function requiredValue({ value, inline }: Extract<Token, { kind: "option" }>, typed: string): string {
  if (value === undefined) throw new AppError("usage", `${typed} needs a value`);
  if (!inline && /^-(?:-|[A-Za-z0-9])/.test(value)) {
    throw new AppError("usage", `${typed} needs a value, but "${value}" follows`, {
      hint: typed.startsWith("--") ? `if that is the value, write ${typed}=${value}` : undefined,
    });
  }
  return value;
}

function emptyWord({ usage }: Operands): AppError {
  const noun = /[a-z]+/.exec(usage)?.[0] ?? "word";
  return new AppError("usage", `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun} is empty`, {
    hint: `it may come from a variable that is not set; the command takes ${usage}`,
  });
}

function stray(word: string, operands: Operands): AppError {
  return new AppError("usage", `unexpected argument "${word}"`, {
    hint: operands.max === 0 ? "this command takes options only" : `it takes ${operands.usage}`,
  });
}

export function unknownOption(typed: string, options: Options): AppError {
  const flags = Object.entries(options).map(([key, option]) => longFlag(key, option));
  const long = `--${typed.replace(/^-+/, "")}`;
  const longer = typed.length > 3 ? flags.find((flag) => flag.startsWith(long)) : undefined;
  const wanted = longer ?? (typed.length > 2 ? didYouMean(long, flags) : undefined);
  return new AppError("usage", `unknown option ${typed}`, {
    hint: wanted === undefined ? undefined : `did you mean ${wanted}?`,
  });
}

function badChoice(typed: string, value: string, choices: readonly string[]): AppError {
  const wanted = didYouMean(value, choices);
  return new AppError("usage", `${typed} takes ${choices.join(", ")}, not "${value}"`, {
    hint: wanted === undefined ? undefined : `did you mean ${wanted}?`,
  });
}
