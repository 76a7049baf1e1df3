import * as v from "valibot";

/** Secrets never appear in a message: each field has a fixed one. */
const secret = v.pipe(v.string("is no text"), v.minLength(1, "is empty"));

export const credentials = v.object({
  user: v.pipe(v.string("is no text"), v.minLength(1, "is empty")),
  password: v.exactOptional(secret),
  /** The application login token from the account's settings [D]. */
  token: v.exactOptional(secret),
  /** `X-Auth-Token`: identifies the application [D]. */
  apiKey: v.exactOptional(secret),
});
export type UloztoCredentials = v.InferOutput<typeof credentials>;

/** A whole number, perhaps written as text. */
const whole = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^\d{1,16}$/), v.transform(Number))]),
  v.safeInteger(),
  v.minValue(0),
);
/** Seconds; null where the host does not say, or nothing that can be read: it tells itself when they are over. */
const seconds = v.fallback(
  v.nullish(v.pipe(v.union([v.number(), v.pipe(v.string(), v.transform(Number))]), v.finite()), null),
  null,
);
/** The host's name of a thing; it is put into paths and headers. */
const slug = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,200}$/, "is no slug"));

export const loginAnswer = v.object({
  token_id: v.pipe(v.string("is no text"), v.regex(/^[\x21-\x7e]{1,4096}$/, "is no token")),
  token_validity_interval: seconds,
  session: v.object({ user: v.object({ login: v.nullish(v.string()), root_folder_slug: slug }) }),
});

export const meAnswer = v.object({
  user: v.object({
    login: v.nullish(v.string()),
    credit: v.fallback(v.nullish(v.union([v.number(), v.string()])), null),
  }),
});

export const linkAnswer = v.object({
  upload_url: v.string("is no text"),
  private_slug: v.pipe(v.string("is no text"), v.regex(/^[\x21-\x7e]{1,200}$/, "is no slug")),
  validity_interval: seconds,
});

export const captchaPageAnswer = v.object({ url: v.string("is no text") });

/** What the upload server says of one file: everything where it is stored, less where it is refused. */
export const bodyAnswer = v.object({
  return_code: whole,
  message: v.nullish(v.string(), null),
  size: v.nullish(whole, null),
  md5: v.nullish(v.string(), null),
  slug: v.nullish(slug, null),
});

/** A batch for an upload in blocks [O]. */
export const blockLinkAnswer = v.object({
  upload_signature: v.pipe(v.string("is no text"), v.minLength(1, "is empty")),
  private_slug: slug,
  upload_resumable_base_url: v.string("is no text"),
});

export const registerAnswer = v.object({
  upload_url: v.nullish(v.string("is no text"), null),
  return_code: v.nullish(whole, null),
});

/** What the upload server says of a block, as far as it says anything. */
export const blockAnswer = v.object({
  return_code: v.fallback(v.nullish(whole, null), null),
  message: v.fallback(v.nullish(v.string(), null), null),
});

/** How an upload in blocks stands; `missing_chunks` is judged apart, because it decides what is sent. */
export const blockStatusAnswer = v.object({
  status: v.string("is no text"),
  return_code: v.nullish(whole, null),
  message: v.fallback(v.nullish(v.string(), null), null),
  irpc: v.fallback(v.nullish(v.object({ slug: v.nullish(slug, null) }), null), null),
  missing_chunks: v.optional(v.unknown()),
});
export const blockNumbers = v.array(whole);

/** One file, as the properties answer with it. */
export const fileAnswer = v.object({ slug: v.nullish(slug), url: v.nullish(v.string()), filesize: v.nullish(whole) });
export const filesAnswer = v.array(fileAnswer);

export const commitAnswer = v.object({
  status: v.nullish(v.string(), null),
  /** How many files of the batch became visible, where the host says so. */
  files_count_ok: v.fallback(v.nullish(whole, null), null),
});

export const folderAnswer = v.object({ slug, name: v.string(), parent_folder_slug: v.fallback(v.nullish(slug), null) });

/** A hint: a list is read all the same where it cannot be understood. */
const count = v.fallback(v.optional(whole), undefined);
const metadata = v.fallback(v.nullish(v.object({ limit: count, items_count: count })), null);
export const folderListAnswer = v.object({
  metadata,
  folder: v.fallback(v.nullish(folderAnswer), null),
  subfolders: v.array(folderAnswer),
});
export const fileListAnswer = v.object({
  metadata,
  items: v.array(
    v.object({
      slug,
      name: v.string(),
      filesize: v.nullish(whole),
      url: v.nullish(v.string()),
      folder_slug: v.fallback(v.nullish(slug), null),
      upload_time: v.fallback(v.nullish(v.string()), null),
    }),
  ),
});
const counts = v.object({ files_size: whole, files_count: whole, folders_count: whole });
export const folderSizesAnswer = v.record(v.string(), v.object({ recursive: counts }));

/** It is put into paths; how long it may be is nowhere said. */
const captchaToken = v.pipe(v.string(), v.regex(/^[\x21-\x7e]{1,4096}$/, "is no token"));

/** What an error says of itself, as far as it can be read; `data.captcha_token` asks for a captcha. */
export const errorAnswer = v.object({
  error: v.fallback(v.nullish(whole, null), null),
  message: v.fallback(v.nullish(v.string(), null), null),
  data: v.fallback(v.nullish(v.object({ captcha_token: v.optional(captchaToken) }), null), null),
});
