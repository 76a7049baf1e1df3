/** The head of a request, as its bytes stood on the wire. */
export interface Head {
  readonly method: string;
  /** Path and query, untouched. */
  readonly target: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Every header line in its order, names as they were spelled. */
  readonly lines: readonly (readonly [name: string, value: string])[];
  readonly raw: string;
  /** The value of the first line of that name, whatever its case. */
  header(name: string): string | null;
  /** What a strict server finds wrong with it. */
  readonly faults: readonly string[];
  readonly framing:
    | { readonly kind: "none" }
    | { readonly kind: "length"; readonly bytes: number }
    | { readonly kind: "chunked" };
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Parses the bytes before the empty line; bytes above 0x7F come out as the Latin-1 characters they are. */
export function parseHead(bytes: Buffer): Head {
  const raw = bytes.toString("latin1");
  const faults: string[] = [];
  const [first = "", ...rest] = raw.split("\r\n");
  const [method = "", target = "", version = "", ...extra] = first.split(" ");
  if (extra.length > 0 || version !== "HTTP/1.1") faults.push(`request line: ${JSON.stringify(first)}`);
  if (/[^\x21-\x7e]/.test(target)) faults.push(`request target: ${JSON.stringify(target)}`);
  const lines = rest.map((line): readonly [string, string] => {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    if (colon < 1 || !TOKEN.test(name)) faults.push(`header line: ${JSON.stringify(line)}`);
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    if (/[^\x20-\x7e]/.test(value)) faults.push(`header ${name} holds ${JSON.stringify(value)}`);
    return [name, value];
  });
  const all = (name: string) => lines.filter(([n]) => n.toLowerCase() === name).map(([, value]) => value);
  for (const name of ["host", "content-length", "transfer-encoding", "content-type", "slug"]) {
    if (all(name).length > 1) faults.push(`${name} stands ${all(name).length} times`);
  }
  if (all("host").length === 0) faults.push("no Host header");
  if (all("expect").length > 0) faults.push("Expect header");
  const url = new URL(target.startsWith("/") ? `http://stand-in${target}` : "http://stand-in/");
  return {
    method,
    target,
    path: url.pathname,
    query: url.searchParams,
    lines,
    raw,
    header: (name) => all(name.toLowerCase())[0] ?? null,
    faults,
    framing: framingOf(all("content-length")[0], all("transfer-encoding")[0], faults),
  };
}

function framingOf(length: string | undefined, encoding: string | undefined, faults: string[]): Head["framing"] {
  if (length !== undefined && encoding !== undefined) faults.push("Content-Length and Transfer-Encoding together");
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== "chunked") faults.push(`Transfer-Encoding: ${encoding}`);
    return { kind: "chunked" };
  }
  if (length === undefined) return { kind: "none" };
  if (!/^(0|[1-9][0-9]*)$/.test(length)) faults.push(`Content-Length: ${length}`);
  return { kind: "length", bytes: Number(length) };
}
