import { type Fault, FaultPlan } from "./fault.ts";
import type { Head } from "./head.ts";
import { type ServerIdentity, testAuthority } from "./tls.ts";
import { type Answer, type Handler, listen, type Seen, type Wire } from "./wire.ts";

export type UploadGigStep = "action" | "body" | "other";

export interface UploadGigFile {
  /** What the Slug stands for. */
  readonly name: string;
  readonly slug: string;
  readonly size: number;
  readonly md5: string;
  readonly url: string;
  readonly framing: Head["framing"]["kind"];
}

interface UploadGigOptions {
  readonly user?: string;
  readonly password?: string;
  /** Serve the API and the bodies over TLS. */
  readonly tls?: boolean;
  readonly identity?: ServerIdentity;
  /** Most megabytes an action accepts. */
  readonly cmbs?: number | string | null;
  readonly actionValidMs?: number;
}

export interface UploadGigStandIn extends AsyncDisposable {
  readonly url: string;
  readonly user: string;
  readonly files: UploadGigFile[];
  readonly seen: Seen[];
  /** What a strict host would object to. */
  readonly violations: string[];
  /** Connections on the API, with or without a request. */
  readonly connections: number;
  /** Most bodies under way at the same moment. */
  readonly mostBodies: number;
  password: string;
  cmbs: number | string | null;
  fault(step: UploadGigStep, fault: Fault, times?: number): void;
  heal(): void;
  of(step: UploadGigStep): Seen[];
}

/** UploadGig as its published page describes it: two calls, an action that is good for one upload within a minute. */
export async function uploadGig(options: UploadGigOptions = {}): Promise<UploadGigStandIn> {
  const plan = new FaultPlan<UploadGigStep>();
  const seen: Seen[] = [];
  const violations: string[] = [];
  const files: UploadGigFile[] = [];
  const actions = new Map<string, { readonly issued: number; used: boolean }>();
  const validMs = options.actionValidMs ?? 60_000;
  const secrets = { user: options.user ?? "me@example.com", password: options.password ?? "ug-password" };
  const limits = { cmbs: options.cmbs === undefined ? 10_240 : options.cmbs };
  const bodies = { now: 0, most: 0 };
  const identity = options.tls ? (options.identity ?? testAuthority().trusted) : undefined;

  const login = (seenNow: Seen): Answer => {
    const { head, text } = seenNow;
    const type = head.header("content-type") ?? "";
    if (!/^application\/x-www-form-urlencoded(; ?charset=utf-8)?$/i.test(type)) {
      violations.push(`action: Content-Type ${type}`);
    }
    const form = new URLSearchParams(text);
    if ([...form.keys()].sort().join() !== "pass,user") violations.push(`action: fields ${[...form.keys()].join()}`);
    if (form.get("user") !== secrets.user || form.get("pass") !== secrets.password) {
      return { status: 200, body: { code: "0", result: "Email or password was incorrect!" } };
    }
    const key = crypto.randomUUID().replaceAll("-", "");
    actions.set(key, { issued: performance.now(), used: false });
    const action = `${upload.origin}/upload?identity=${key}`;
    return {
      status: 200,
      body: { code: "1", result: { action, ...(limits.cmbs === null ? {} : { cmbs: limits.cmbs }) } },
    };
  };

  const store = (seenNow: Seen): Answer => {
    const { head } = seenNow;
    const refuse = (message: string): Answer => ({ status: 200, body: { 0: { message, ok: false } } });
    const action = actions.get(head.query.get("identity") ?? "");
    if (action === undefined || action.used || seenNow.at - action.issued > validMs) {
      return refuse("Invalid identity provided");
    }
    action.used = true;
    const slug = head.header("slug");
    if (slug === null) return refuse("No name given");
    if (head.framing.kind === "none") violations.push("body: neither Content-Length nor chunked");
    if (/^multipart\//i.test(head.header("content-type") ?? ""))
      violations.push("body: a form instead of the raw bytes");
    for (const name of ["authorization", "cookie", "x-auth-token", "x-user-token"]) {
      if (head.header(name) !== null) violations.push(`body: ${name} leaks`);
    }
    if (limits.cmbs !== null && seenNow.received > Number(limits.cmbs) * 1048576) return refuse("File is too large");
    const id = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
    const name = nameOf(slug);
    const url = `https://uploadgig.com/file/download/${id}/${encodeURIComponent(name)}`;
    files.push({ name, slug, size: seenNow.received, md5: seenNow.md5 ?? "", url, framing: head.framing.kind });
    const message = "Uploaded was successful, file will be available in a few minutes";
    return { status: 200, body: { 0: { file_name: name, url, id, size: seenNow.received, message, ok: true } } };
  };

  const handler = (step: UploadGigStep, head: Head, work: Handler["work"]): Handler => ({
    step,
    fault: plan.take(step, head),
    work,
  });
  const stray = (head: Head) =>
    handler("other", head, () => {
      violations.push(`unknown call: ${head.method} ${head.path}`);
      return { status: 404, body: "<html>Not found</html>" };
    });
  const api = await listen({
    identity,
    seen,
    violations,
    route: (head) =>
      head.method === "POST" && head.path === "/api/get_upload_action" ? handler("action", head, login) : stray(head),
  });
  const upload: Wire = await listen({
    identity,
    seen,
    violations,
    route: (head) => {
      if (head.method !== "POST" || head.path !== "/upload") return stray(head);
      bodies.now += 1;
      bodies.most = Math.max(bodies.most, bodies.now);
      const over = () => {
        bodies.now -= 1;
      };
      return { ...handler("body", head, store), over };
    },
  });

  return {
    url: api.origin,
    user: secrets.user,
    files,
    seen,
    violations,
    get connections() {
      return api.connections;
    },
    get mostBodies() {
      return bodies.most;
    },
    get password() {
      return secrets.password;
    },
    set password(value) {
      secrets.password = value;
    },
    get cmbs() {
      return limits.cmbs;
    },
    set cmbs(value) {
      limits.cmbs = value;
    },
    fault: (step, fault, times) => plan.add(step, fault, times),
    heal: () => plan.clear(),
    of: (step) => seen.filter((one) => one.step === step),
    async [Symbol.asyncDispose]() {
      await Promise.all([api[Symbol.asyncDispose](), upload[Symbol.asyncDispose]()]);
    },
  };
}

/** A printable ASCII name stands for itself, `%` included; only what HTTP cannot carry was percent-encoded. */
function nameOf(slug: string): string {
  try {
    const decoded = decodeURIComponent(slug);
    return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(decoded) ? slug : decoded;
  } catch {
    return slug;
  }
}
