import {
  batchOf,
  type Call,
  fileView,
  newBatch,
  randomSlug,
  refuse,
  type UloztoFile,
  type UloztoState,
} from "./ulozto-state.ts";
import type { Answer, Seen } from "./wire.ts";

function session(state: UloztoState): Answer {
  const id = `session-${crypto.randomUUID()}`;
  state.sessions.set(id, performance.now() + state.sessionSeconds * 1000);
  const user = { login: state.login, root_folder_slug: state.root };
  return {
    status: 200,
    body: {
      token_id: id,
      token_validity_interval: state.sessionSeconds,
      session: { country: "CZ", is_limited_country: false, user },
    },
  };
}

export function loginByPassword(state: UloztoState, { json }: Call): Answer {
  const known = [state.password, state.tokenIsPassword ? state.token : null].filter((secret) => secret !== null);
  if (json.login === state.login && known.includes(json.password)) return session(state);
  return refuse(401, 70002, "Invalid login or password");
}

export function loginByToken(state: UloztoState, { json }: Call): Answer {
  if (typeof json.device_id !== "string" || json.device_id === "")
    state.violations.push("auth/token without device_id");
  const good =
    json.login === state.login && json.token === state.token && state.token !== null && !state.tokenIsPassword;
  return good ? session(state) : refuse(400, 10400, "Invalid token");
}

/** Null when an upload may start; else the answer that asks for a person. */
function captchaWall(state: UloztoState, json: Call["json"]): Answer | null {
  const wall = state.captcha;
  if (wall === null || (wall.solved && json.captcha_token === wall.token)) return null;
  return { status: 401, body: { code: 401, message: "Captcha required", data: { captcha_token: wall.token } } };
}

export function uploadLink(state: UloztoState, { json }: Call, uploadOrigin: string): Answer {
  if (json.user_login !== state.login) return refuse(403, 40300, "Foreign account");
  if (json.realm !== "ulozto") state.violations.push(`link: realm ${JSON.stringify(json.realm)}`);
  const wall = captchaWall(state, json);
  if (wall !== null) return wall;
  const renewed = json.private_slug === undefined ? null : batchOf(state, json.private_slug);
  if (renewed === undefined) return refuse(404, 40400, "Unknown batch");
  if (renewed?.status === "confirmed") return refuse(400, 40001, "The batch is already confirmed");
  const batch = renewed ?? newBatch(state, null);
  const key = crypto.randomUUID();
  state.links.set(key, { batch: batch.slug, until: performance.now() + state.linkSeconds * 1000 });
  return {
    status: 200,
    body: {
      upload_url: `${uploadOrigin}/upload/v1?signature=${key}&server=1`,
      private_slug: batch.slug,
      valid_until: new Date(Date.now() + state.linkSeconds * 1000).toISOString(),
      validity_interval: state.linkSeconds,
    },
  };
}

export function resumableLink(state: UloztoState, { json }: Call, uploadOrigin: string): Answer {
  if (json.user_login !== state.login) return refuse(403, 40300, "Foreign account");
  const wall = captchaWall(state, json);
  if (wall !== null) return wall;
  const batch = newBatch(state, `signature-${crypto.randomUUID()}`);
  return {
    status: 200,
    body: {
      upload_signature: batch.signature,
      private_slug: batch.slug,
      upload_resumable_base_url: `${uploadOrigin}/resumable`,
    },
  };
}

/** Stores one file of a batch; `filename` null means that the form could not be read. */
export function storeFile(
  state: UloztoState,
  seen: Seen,
  form: { filename: string; size: number; md5: string },
): Answer {
  const { query } = seen.head;
  const link = state.links.get(query.get("signature") ?? "");
  if (link === undefined) return { status: 403, body: { return_code: 403, message: "Unknown link" } };
  if (seen.at > link.until) return { status: 403, body: { return_code: 403, message: "Link expired" } };
  const batch = batchOf(state, link.batch);
  const text = query.get("batch_file_id") ?? "";
  if (!/^[1-9][0-9]*$/.test(text)) state.violations.push(`upload: batch_file_id ${JSON.stringify(text)}`);
  if (query.get("is_porn") !== "false") state.violations.push(`upload: is_porn ${query.get("is_porn")}`);
  if (batch === undefined || batch.status === "confirmed") {
    state.violations.push("upload into a confirmed batch");
    return { status: 200, body: { return_code: 400, message: "The batch is closed", size: 0, md5: null, slug: null } };
  }
  const file: UloztoFile = {
    slug: randomSlug(),
    name: form.filename,
    filename: form.filename,
    size: form.size,
    md5: form.md5,
    blocks: null,
    folder: null,
    batch: batch.slug,
    number: Number(text),
    answerLost: false,
    committed: false,
    binned: false,
  };
  state.files.push(file);
  return {
    status: 200,
    body: {
      size: form.size,
      contentType: "document",
      md5: form.md5,
      message: "Done",
      return_code: 200,
      slug: file.slug,
    },
  };
}

function ownsToken(file: UloztoFile, token: unknown): boolean {
  return token === `${file.batch}:${file.number}`;
}

export function setMany(state: UloztoState, { json }: Call): Answer {
  const slugs: unknown = json.slugs;
  const tokens: Record<string, unknown> = json.upload_tokens ?? {};
  if (!Array.isArray(slugs) || slugs.length === 0) return refuse(400, 40002, "No slugs");
  if (Object.keys(tokens).sort().join() !== [...slugs].sort().join()) {
    state.violations.push("properties: slugs and upload_tokens are no pairs");
    return refuse(400, 40003, "slugs and upload_tokens do not match");
  }
  if (json.name !== undefined && slugs.length > 1) {
    state.violations.push("properties: a name for several files");
    return refuse(400, 40004, "name needs exactly one file");
  }
  const files = slugs.map((slug) => state.files.find((one) => one.slug === slug && !one.committed));
  if (files.some((file) => file === undefined || !ownsToken(file, tokens[file.slug]))) {
    return refuse(403, 40301, "Wrong upload token");
  }
  const known = files.filter((file) => file !== undefined);
  const wrong = known.map((file) => change(state, file, json)).find((answer) => answer !== null);
  return wrong ?? { status: 200, body: known.map(fileView) };
}

export function setOne(state: UloztoState, { json, parts, seen }: Call): Answer {
  const file = state.files.find((one) => one.slug === parts[0] && !one.binned);
  if (file === undefined) return refuse(404, 40401, "No such file");
  if (!file.committed && !ownsToken(file, seen.head.header("x-upload-token")))
    return refuse(403, 40301, "Wrong upload token");
  return change(state, file, json) ?? { status: 200, body: fileView(file) };
}

function change(state: UloztoState, file: UloztoFile, json: Call["json"]): Answer | null {
  if (json.folder_slug !== undefined) {
    if (!state.folders.some((folder) => folder.slug === json.folder_slug))
      return refuse(404, 30001, "Folder not found");
    file.folder = json.folder_slug;
  }
  // The host cuts longer names without a word.
  if (typeof json.name === "string") file.name = [...json.name].slice(0, 255).join("");
  return null;
}

export function commit(state: UloztoState, { json, parts, seen }: Call): Answer {
  if (seen.head.method !== (state.commitByPut ? "PUT" : "PATCH")) return refuse(405, 40500, "Method not allowed");
  const batch = batchOf(state, parts[0]);
  if (batch === undefined) {
    state.violations.push(`commit of an unknown batch ${parts[0]}`);
    return refuse(404, 40400, "Unknown batch");
  }
  batch.commits += 1;
  if (json.status !== "confirmed" || json.owner_login !== state.login) {
    state.violations.push(`commit: ${JSON.stringify(json)}`);
    return refuse(400, 40005, "Wrong body");
  }
  if (batch.status === "confirmed") return refuse(400, 40001, "The batch is already confirmed");
  const files = state.files.filter((file) => file.batch === batch.slug);
  if (files.length === 0) {
    state.violations.push("commit of an empty batch");
    return refuse(400, 40006, "No file in the batch");
  }
  for (const file of files) {
    if (file.folder === null) state.violations.push(`commit: ${file.name} has no folder`);
    if (file.answerLost) state.violations.push(`commit of a batch that holds ${file.name}, whose answer was lost`);
    file.committed = true;
  }
  batch.status = "confirmed";
  return {
    status: 200,
    body: {
      private_slug: batch.slug,
      public_slug: randomSlug(),
      status: "confirmed",
      confirmed_at: new Date().toISOString(),
      public_url: `https://uloz.to/batch/${batch.slug}`,
      files_count_ok: files.length,
    },
  };
}
