import { AppError } from "../../errors.ts";

const LONGEST_NAME = 255;

/** Refuses what would be cut or mangled on the way: the hosts cut long names silently. */
export function assertPart(name: string, code: "source" | "usage", what: string): void {
  const problem = problemOf(name);
  if (problem === null) return;
  throw new AppError(code, `${what} ${problem}`, code === "source" ? { hint: "choose another name with --name" } : {});
}

function problemOf(name: string): string | null {
  if (name === "") return "is empty";
  if (name === "." || name === "..") return "is . or ..";
  if ([...name].length > LONGEST_NAME) return `is longer than ${LONGEST_NAME} characters`;
  if (name.includes("\0")) return "contains NUL";
  if (/[\r\n]/.test(name)) return "contains a line break";
  if (name.includes("/")) return "contains a /";
  if (!name.isWellFormed()) return "is no valid Unicode";
  return null;
}

/** What a name template may refer to. */
export interface NameFacts {
  /** Base name of the source. */
  readonly base: string;
  /** Number of the source in its run, from 1. */
  readonly number: number;
  readonly now: Date;
}

type Piece = string | ((facts: NameFacts) => string);

/** A compiled `--name`. */
export interface NameTemplate {
  /** False: the same name for every source. */
  readonly varies: boolean;
  /** Whether the number of the source is in it. */
  readonly numbered: boolean;
  render(facts: NameFacts): string;
}

const PLACEHOLDER = /\{\{|\}\}|\{([^{}]*)\}/g;

/** `{name} {stem} {ext} {n} {n:3} {date} {rand:8}`; `{{` and `}}` are braces. Fails with `usage`. */
export function compileName(template: string): NameTemplate {
  if (template === "") throw new AppError("usage", "--name is empty");
  const pieces: Piece[] = [];
  let end = 0;
  let numbered = false;
  for (const match of template.matchAll(PLACEHOLDER)) {
    numbered ||= /^n(?::|$)/.test(match[1] ?? "");
    pieces.push(template.slice(end, match.index));
    end = match.index + match[0].length;
    pieces.push(match[0] === "{{" ? "{" : match[0] === "}}" ? "}" : placeholder(match[1] ?? ""));
  }
  pieces.push(template.slice(end));
  return {
    varies: pieces.some((piece) => typeof piece === "function"),
    numbered,
    render: (facts) => pieces.map((piece) => (typeof piece === "string" ? piece : piece(facts))).join(""),
  };
}

function placeholder(key: string): Piece {
  const [name, width] = key.split(":", 2);
  const count = width === undefined ? null : Number(width);
  const counted = count !== null && Number.isInteger(count) && count >= 1 && count <= 64;
  if (name === "n" && (count === null || counted)) {
    return ({ number }) => String(number).padStart(count ?? 0, "0");
  }
  if (name === "rand" && counted) return () => randomText(count);
  if (count === null) {
    if (name === "name") return ({ base }) => base;
    if (name === "stem") return ({ base }) => splitExtension(base).stem;
    if (name === "ext") return ({ base }) => splitExtension(base).extension;
    if (name === "date") return ({ now }) => localDate(now);
  }
  throw new AppError("usage", `--name does not know {${key}}`, {
    hint: "it knows {name} {stem} {ext} {n} {n:3} {date} {rand:8}; write {{ for a brace",
  });
}

/** `archive.tar.gz` → `archive.tar` and `gz`; a leading dot starts no extension. */
export function splitExtension(base: string): { readonly stem: string; readonly extension: string } {
  const dot = base.lastIndexOf(".");
  return dot <= 0 ? { stem: base, extension: "" } : { stem: base.slice(0, dot), extension: base.slice(dot + 1) };
}

function localDate(now: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";

function randomText(length: number): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(length)), (value) => ALPHABET[value % ALPHABET.length]).join(
    "",
  );
}
