import { createDecipheriv } from "node:crypto";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import { type Place, variable } from "./place.ts";

/** A remote of rclone that is an account of ours. */
export interface RcloneRemote {
  readonly name: string;
  readonly user: string;
  readonly password: string | null;
  /** `X-Auth-Token`; rclone calls it `app_token`. */
  readonly apiKey: string | null;
}

/** rclone hides passwords with a key that stands in its public source, lest they be read over a shoulder. */
const KEY = Buffer.from("9c935b48730a554d6bfd7c63c886a92bd390198eb8128afbf4de162b8b95f638", "hex");
const IV_BYTES = 16;

/** Where rclone keeps its configuration, in the order in which it looks. */
export function rclonePaths({ env, platform, home }: Place): readonly string[] {
  const own = variable(env, "RCLONE_CONFIG");
  if (own !== undefined) return [own];
  const config = variable(env, "XDG_CONFIG_HOME") ?? join(home, ".config");
  const windows = variable(env, "APPDATA");
  return [
    ...(platform === "win32" && windows !== undefined ? [join(windows, "rclone", "rclone.conf")] : []),
    join(config, "rclone", "rclone.conf"),
    join(home, ".rclone.conf"),
  ];
}

/** The remotes of one type. Fails with `usage` on an encrypted file and on what cannot be read; values are never told. */
export function readRemotes(text: string, type: string): readonly RcloneRemote[] {
  if (/^RCLONE_ENCRYPT_V\d/m.test(text)) {
    throw new AppError("usage", "the configuration of rclone is encrypted", {
      hint: "take the encryption off with: rclone config encryption remove",
    });
  }
  return sectionsOf(text)
    .filter(({ values }) => values.get("type") === type)
    .map(({ name, values }) => {
      const hidden = values.get("password") ?? "";
      return {
        name,
        user: values.get("username") ?? "",
        password: hidden === "" ? null : reveal(name, hidden),
        apiKey: values.get("app_token") || null,
      };
    });
}

interface Section {
  readonly name: string;
  readonly values: Map<string, string>;
}

function sectionsOf(text: string): readonly Section[] {
  const sections: Section[] = [];
  for (const line of text.replace(/^\uFEFF/, "").split(/\r?\n/)) {
    const header = /^\s*\[(.+)\]\s*$/.exec(line);
    const pair = /^\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line);
    if (header?.[1] !== undefined) sections.push({ name: header[1], values: new Map() });
    else if (pair !== null) sections.at(-1)?.values.set(pair[1] ?? "", pair[2] ?? "");
  }
  return sections;
}

/** AES-CTR behind an initial vector, in base64 for URLs. */
function reveal(name: string, hidden: string): string {
  const bytes = /^[A-Za-z0-9_-]+$/.test(hidden) ? Buffer.from(hidden, "base64url") : Buffer.alloc(0);
  if (bytes.length < IV_BYTES) {
    throw new AppError("usage", `the password of rclone's remote ${name} is not obscured as rclone does it`, {
      hint: "set it again with: rclone config",
    });
  }
  const cipher = createDecipheriv("aes-256-ctr", KEY, bytes.subarray(0, IV_BYTES));
  return Buffer.concat([cipher.update(bytes.subarray(IV_BYTES)), cipher.final()]).toString("utf8");
}
