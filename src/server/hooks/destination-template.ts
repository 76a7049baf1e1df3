import type { Account } from "../../core/accounts/account.ts";
import { type Destination, joinFolder } from "../../core/planning/destinations.ts";
import { AppError } from "../../errors.ts";
import { JSON_PATH_FORMS, type JsonPath, parseJsonPath, select } from "./json-path.ts";
import { safeSegment } from "./segment.ts";

/** Characters in a folder's name; the hosts cut longer ones silently. */
const LONGEST_SEGMENT = 255;

interface Place {
  /** As written, for messages. */
  readonly text: string;
  readonly path: JsonPath;
}

/** A destination whose folder may name places in the payload. */
export interface DestinationTemplate {
  readonly account: Account;
  /** Each part of the folder: literals and places; null on a host without folders. */
  readonly parts: readonly (readonly (string | Place)[])[] | null;
}

const PLACEHOLDER = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;

/** `{payload.a.b}` in any part of the folder; `{{` and `}}` are braces. Fails with `config`, naming `key`. */
export function compileDestination(key: string, { account, folder }: Destination): DestinationTemplate {
  const parts = folder?.split("/").filter((part) => part !== "");
  return { account, parts: parts?.map((part) => compilePart(key, part)) ?? null };
}

/** A destination that is taken as it stands. */
export function fixedDestination({ account, folder }: Destination): DestinationTemplate {
  const parts = folder?.split("/").filter((part) => part !== "");
  return { account, parts: parts?.map((part) => [part]) ?? null };
}

function compilePart(key: string, part: string): (string | Place)[] {
  const pieces: (string | Place)[] = [];
  let end = 0;
  for (const match of part.matchAll(PLACEHOLDER)) {
    pieces.push(part.slice(end, match.index));
    end = match.index + match[0].length;
    pieces.push(match[0] === "{{" ? "{" : match[0] === "}}" ? "}" : compilePlace(key, match[1]));
  }
  return [...pieces, part.slice(end)].filter((piece) => piece !== "");
}

function compilePlace(key: string, text: string | undefined): Place {
  const path = text?.startsWith("payload") ? parseJsonPath(`$${text.slice("payload".length)}`) : null;
  if (text === undefined || path === null || path.some(({ kind }) => kind === "all")) {
    throw new AppError("config", `${key} holds a place that is not understood`, {
      hint: `write {payload.a.b}, after "payload" as in ${JSON_PATH_FORMS}, without [*]; {{ is a brace`,
    });
  }
  return { text, path };
}

/** `below`: folders to go on with under the template's own. Fails with `source` when the payload lacks a value. */
export function renderDestination(
  { account, parts }: DestinationTemplate,
  payload: unknown,
  below: readonly string[],
): Destination {
  if (parts === null) return { account, folder: null };
  const rendered = parts.map((part) => part.map((piece) => renderPiece(piece, payload)).join(""));
  return { account, folder: joinFolder("/", [...rendered, ...below.map(safeSegment)].map(fitting)) };
}

function renderPiece(piece: string | Place, payload: unknown): string {
  if (typeof piece === "string") return piece;
  const [value] = select(piece.path, payload);
  const text = typeof value === "number" || typeof value === "boolean" ? String(value) : value;
  if (typeof text === "string" && text.trim() !== "") return safeSegment(text);
  throw new AppError("source", `the payload has no value for {${piece.text}}`);
}

function fitting(part: string): string {
  if ([...part].length <= LONGEST_SEGMENT) return part;
  throw new AppError("source", `a folder would have a name of more than ${LONGEST_SEGMENT} characters`);
}
