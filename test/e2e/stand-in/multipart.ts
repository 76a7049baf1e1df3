/** A form of one file part, read as it flows. */
export interface FormReader {
  write(chunk: Buffer): void;
  /** After the last byte: what was wrong, or null. */
  end(): string | null;
  /** The value of `name` in Content-Disposition. */
  readonly field: string | null;
  /** The value of `filename`, its UTF-8 bytes decoded, escapes left as they are. */
  readonly filename: string | null;
  /** The part's header lines. */
  readonly headers: readonly string[];
}

/** Strict reader: one part, CRLF everywhere, nothing before the first delimiter or behind the last. */
export function formReader(contentType: string | null, sink: (chunk: Buffer) => void): FormReader {
  const boundary = /^multipart\/form-data; ?boundary=("?)([0-9A-Za-z'()+_,\-./:=?]{1,70})\1$/.exec(
    contentType ?? "",
  )?.[2];
  const opening = Buffer.from(`--${boundary}\r\n`);
  const closing = Buffer.from(`\r\n--${boundary}`);
  let state: "preamble" | "data" | "end" = "preamble";
  let held: Buffer = Buffer.alloc(0);
  let fault: string | null = boundary === undefined ? `Content-Type: ${contentType}` : null;
  let headers: string[] = [];
  let field: string | null = null;
  let filename: string | null = null;

  const readPartHead = () => {
    const end = held.indexOf("\r\n\r\n");
    if (end === -1) {
      if (held.length > 64 * 1024) fault = "no end of the part's headers";
      return;
    }
    if (!held.subarray(0, opening.length).equals(opening)) {
      fault = `the body does not begin with its delimiter: ${JSON.stringify(held.toString("latin1", 0, 80))}`;
      return;
    }
    headers = held.toString("utf8", opening.length, end).split("\r\n");
    const disposition = headers.find((line) => /^content-disposition:/i.test(line)) ?? "";
    const match = /^Content-Disposition: form-data; name="([^"]*)"; filename="([^"]*)"$/i.exec(disposition);
    field = match?.[1] ?? null;
    filename = match?.[2] ?? null;
    if (match === null) fault = `the part's disposition: ${JSON.stringify(disposition)}`;
    else if (/[\0\r\n]/.test(filename ?? "")) fault = "the file name holds a control character";
    held = held.subarray(end + 4);
    state = "data";
  };

  const readData = () => {
    const end = held.indexOf(closing);
    if (end !== -1) {
      if (end > 0) sink(held.subarray(0, end));
      held = held.subarray(end + closing.length);
      state = "end";
      return;
    }
    const sure = held.length - closing.length + 1;
    if (sure <= 0) return;
    sink(held.subarray(0, sure));
    held = Buffer.from(held.subarray(sure));
  };

  return {
    write(chunk) {
      if (fault !== null) return;
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      if (state === "preamble") readPartHead();
      // The file's bytes may hold CRLF CRLF right at the start: only look at data once the part's head is read.
      if (state === "data" && fault === null) readData();
      if (state === "end" && held.length > 1024) fault = "more than one part";
    },
    end() {
      if (fault !== null) return fault;
      if (state !== "end") return "the form has no closing delimiter";
      const rest = held.toString("latin1");
      return rest === "--\r\n" || rest === "--" ? null : `behind the file: ${JSON.stringify(rest.slice(0, 80))}`;
    },
    get field() {
      return field;
    },
    get filename() {
      return filename;
    },
    get headers() {
      return headers;
    },
  };
}
