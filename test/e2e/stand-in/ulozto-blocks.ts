import { type Batch, type BlockUpload, batchOf, randomSlug, type UloztoState } from "./ulozto-state.ts";
import type { Answer, Seen } from "./wire.ts";

const MIB = 1024 * 1024;
const SIZES = [4 * MIB, 32 * MIB, 128 * MIB];

const wrong = (status: number, message: string): Answer => ({ status, body: { return_code: status, message } });

export function register(state: UloztoState, seen: Seen, uploadOrigin: string): Answer {
  const json = JSON.parse(seen.text);
  const batch = [...state.batches.values()].find((one) => one.signature === json.upload_signature);
  if (batch === undefined) return wrong(403, "Unknown signature");
  const number = json.batch_file_id;
  if (!Number.isInteger(number) || number < 1)
    state.violations.push(`register: batch_file_id ${JSON.stringify(number)}`);
  if (!SIZES.includes(json.chunksize)) {
    state.violations.push(`register: chunksize ${json.chunksize}`);
    return wrong(400, "Unsupported chunksize");
  }
  if (!("crc32" in json)) state.violations.push("register: no crc32");
  if (typeof json.name !== "string" || !Number.isInteger(json.filesize)) return wrong(400, "name or filesize");
  if (batch.numbers.has(number)) state.violations.push(`register: number ${number} is taken`);
  batch.numbers.add(number);
  batch.blocks.set(number, {
    number,
    name: json.name,
    size: json.filesize,
    chunk: json.chunksize,
    stored: new Map(),
    slug: null,
  });
  return {
    status: 200,
    body: {
      upload_url: `${uploadOrigin}/resumable/v1/chunked-file-upload/${batch.slug}/${number}`,
      valid_until: new Date(Date.now() + 3600_000).toISOString(),
      return_code: 200,
    },
  };
}

function find(state: UloztoState, parts: readonly string[]): { batch: Batch; upload: BlockUpload } | null {
  const batch = batchOf(state, parts[0]);
  const upload = batch?.blocks.get(Number(parts[1]));
  return batch && upload ? { batch, upload } : null;
}

const count = (upload: BlockUpload) => Math.max(1, Math.ceil(upload.size / upload.chunk));

export function storeBlock(state: UloztoState, seen: Seen, parts: readonly string[]): Answer {
  const found = find(state, parts);
  if (found === null) return wrong(404, "Unknown upload");
  const { batch, upload } = found;
  const id = Number(parts[2]);
  const type = seen.head.header("content-type");
  if (type !== "application/octet-stream") state.violations.push(`block: Content-Type ${type}`);
  if (seen.head.framing.kind !== "length") state.violations.push("block: no Content-Length");
  if (!(id >= 1 && id <= count(upload))) {
    state.violations.push(`block: number ${parts[2]}`);
    return wrong(400, "Unknown block");
  }
  const expected = id < count(upload) ? upload.chunk : upload.size - (count(upload) - 1) * upload.chunk;
  if (seen.received !== expected) {
    state.violations.push(`block ${id}: ${seen.received} bytes instead of ${expected}`);
    return wrong(400, "Wrong size");
  }
  if (batch.status === "confirmed") state.violations.push("block into a confirmed batch");
  upload.stored.set(id, { size: seen.received, md5: seen.md5 ?? "" });
  return { status: upload.stored.size % 2 === 0 ? 201 : 200, body: { return_code: 200 } };
}

export function blockStatus(state: UloztoState, parts: readonly string[]): Answer {
  const found = find(state, parts);
  if (found === null) return wrong(404, "Unknown upload");
  const { batch, upload } = found;
  const missing = Array.from({ length: count(upload) }, (_, at) => at + 1).filter((id) => !upload.stored.has(id));
  if (missing.length > 0)
    return { status: 200, body: { status: "processing", return_code: 200, missing_chunks: missing } };
  if (upload.slug === null) {
    upload.slug = randomSlug();
    state.files.push({
      slug: upload.slug,
      name: upload.name,
      filename: upload.name,
      size: upload.size,
      md5: null,
      blocks: [...upload.stored.entries()].sort(([a], [b]) => a - b).map(([, block]) => block),
      folder: null,
      batch: batch.slug,
      number: upload.number,
      answerLost: false,
      committed: false,
      binned: false,
    });
  }
  return {
    status: 200,
    body: {
      status: "finished",
      return_code: 200,
      irpc: { slug: upload.slug, filename: upload.name },
      missing_chunks: [],
    },
  };
}
