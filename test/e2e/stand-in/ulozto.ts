import { createHash } from "node:crypto";
import { type Fault, FaultPlan } from "./fault.ts";
import type { Head } from "./head.ts";
import { formReader } from "./multipart.ts";
import { testAuthority } from "./tls.ts";
import { blockStatus, register, storeBlock } from "./ulozto-blocks.ts";
import * as folders from "./ulozto-folders.ts";
import { type Call, randomSlug, refuse, TEST_API_KEY, type UloztoFile, type UloztoState } from "./ulozto-state.ts";
import * as uploads from "./ulozto-uploads.ts";
import { type Answer, type Handler, listen, type Seen } from "./wire.ts";

export type UloztoStep = keyof typeof ROUTES | "upload" | "register" | "block" | "block-status" | "other";

type Work = (state: UloztoState, call: Call, uploadOrigin: string) => Answer;

const user = "/user/([^/]+)";
/** Step → method(s), path and work. Steps named `login-…` need no session. */
const ROUTES = {
  "login-password": [/^PUT$/, "/v6/session", uploads.loginByPassword],
  "login-token": [/^POST$/, "/v6/auth/token", uploads.loginByToken],
  link: [/^POST$/, "/v5/upload/link", uploads.uploadLink],
  "resumable-link": [/^POST$/, "/v6/upload/link", uploads.resumableLink],
  captcha: [/^POST$/, "/v5/captcha/([^/]+)/url", captchaPage],
  properties: [/^PATCH$/, "/v8/file-list/private", uploads.setMany],
  property: [/^PATCH$/, "/v8/file/([^/]+)/private", uploads.setOne],
  commit: [/^(PATCH|PUT)$/, "/v8/upload-batch/private/([^/]+)", uploads.commit],
  "list-folders": [/^GET$/, `/v9${user}/folder/([^/]+)/folder-list`, folders.listFolders],
  "list-files": [/^GET$/, `/v8${user}/folder/([^/]+)/file-list`, folders.listFiles],
  "create-folder": [/^POST$/, `/v6${user}/folder`, folders.createFolder],
  "rename-folder": [/^PATCH$/, `/v7${user}/folder/([^/]+)`, folders.renameFolder],
  "move-folders": [/^PATCH$/, `/v6${user}/folder-list/parent-folder`, folders.moveFolders],
  "delete-folders": [/^DELETE$/, `/v5${user}/folder-list`, folders.deleteFolders],
  "delete-file": [/^DELETE$/, "/v6/file/([^/]+)/private", folders.deleteFile],
  "folder-sizes": [/^GET$/, `/v6${user}/folder/([^/]+)/folder-sizes`, folders.folderSizes],
  me: [/^GET$/, "/v5/me", folders.me],
} as const satisfies Record<string, readonly [RegExp, string, Work]>;

function captchaPage(state: UloztoState, { parts }: Call, uploadOrigin: string): Answer {
  if (state.captcha?.token !== parts[0]) return refuse(404, 40402, "Unknown captcha");
  return { status: 200, body: { url: `${uploadOrigin}/captcha/${parts[0]}` } };
}

export interface UloztoStandIn extends AsyncDisposable {
  readonly url: string;
  readonly uploadOrigin: string;
  readonly state: UloztoState;
  readonly seen: Seen[];
  readonly violations: string[];
  readonly connections: number;
  readonly mostBodies: number;
  /** Committed, not binned. */
  readonly files: readonly UloztoFile[];
  fault(step: UloztoStep, fault: Fault, times?: number): void;
  heal(): void;
  of(step: UloztoStep): Seen[];
  /** Makes a folder below the root; several of one path are allowed. */
  folder(path: string): string;
  pathOf(file: UloztoFile): string;
  requireCaptcha(): void;
  solveCaptcha(): void;
  expireSessions(): void;
}

interface UloztoOptions {
  readonly login?: string;
  readonly password?: string | null;
  readonly token?: string | null;
  readonly tokenIsPassword?: boolean;
  readonly tls?: boolean;
  readonly linkSeconds?: number;
}

/** Ulož.to Disk as its published page and its working clients describe it: an API, and an upload server of another origin. */
export async function ulozTo(options: UloztoOptions = {}): Promise<UloztoStandIn> {
  const plan = new FaultPlan<UloztoStep>();
  const seen: Seen[] = [];
  const violations: string[] = [];
  const bodies = { now: 0, most: 0 };
  const identity = options.tls ? testAuthority().trusted : undefined;
  const root = `root-${randomSlug()}`;
  const state: UloztoState = {
    login: options.login ?? "me",
    root,
    password: options.password ?? null,
    token: options.token === undefined ? "ut-token" : options.token,
    tokenIsPassword: options.tokenIsPassword ?? false,
    apiKey: TEST_API_KEY,
    commitByPut: false,
    sessionSeconds: 3600,
    linkSeconds: options.linkSeconds ?? 3600,
    sessions: new Map(),
    links: new Map(),
    batches: new Map(),
    files: [],
    folders: [{ slug: root, name: "", parent: null }],
    captcha: null,
    violations,
  };

  const guarded = (step: string, seenNow: Seen, work: () => Answer): Answer => {
    const { head } = seenNow;
    const key = head.header("x-auth-token");
    if (key === null) violations.push(`${step}: no X-Auth-Token`);
    if (key !== state.apiKey) return refuse(401, 10401, "Unknown application");
    if (step.startsWith("login-")) return work();
    const until = state.sessions.get(head.header("x-user-token") ?? "");
    if (head.header("x-user-token") === null) violations.push(`${step}: no X-User-Token`);
    return until === undefined || until < performance.now() ? refuse(401, 70001, "Session expired") : work();
  };

  const routeApi = (head: Head): Handler => {
    for (const [name, [method, pattern, work]] of Object.entries(ROUTES)) {
      const match = new RegExp(`^${pattern}$`).exec(head.path);
      if (match === null || !method.test(head.method)) continue;
      const step = name as UloztoStep;
      return {
        step,
        fault: plan.take(step, head),
        work: (seenNow) => {
          const json = parseJson(seenNow, violations);
          const call = { seen: seenNow, json, parts: match.slice(1).map(decodeURIComponent), query: head.query };
          return guarded(step, seenNow, () => work(state, call, upload.origin));
        },
      };
    }
    return stray(head);
  };

  const stray = (head: Head): Handler => ({
    step: "other",
    fault: plan.take("other", head),
    work: () => {
      violations.push(`unknown call: ${head.method} ${head.path}`);
      return head.path.includes("//") ? refuse(422, 42202, "Empty path segment") : refuse(404, 40403, "No such call");
    },
  });

  const routeUpload = (head: Head): Handler => {
    for (const name of ["x-auth-token", "x-user-token", "authorization", "cookie"]) {
      if (head.header(name) !== null) violations.push(`${name} leaks to the upload server`);
    }
    const chunk = /^\/resumable\/v1\/chunked-file-upload(?:\/([^/]+)\/([^/]+)\/([^/]+))?$/.exec(head.path);
    if (chunk !== null) return routeBlocks(head, chunk.slice(1));
    if (head.method !== "POST" || head.path !== "/upload/v1") return stray(head);
    bodies.now += 1;
    bodies.most = Math.max(bodies.most, bodies.now);
    const hash = createHash("md5");
    let size = 0;
    const form = formReader(head.header("content-type"), (bytes) => {
      hash.update(bytes);
      size += bytes.length;
    });
    if (head.framing.kind !== "length") violations.push("upload: no Content-Length");
    const fault = plan.take("upload", head);
    if ((fault?.status ?? 200) < 400) claimNumber(state, head, violations);
    let stored: UloztoFile | undefined;
    return {
      step: "upload",
      fault,
      hash: false,
      body: (bytes) => form.write(bytes),
      work: (seenNow) => {
        const wrong = form.end();
        if (wrong !== null || form.field !== "file") {
          violations.push(`upload: ${wrong ?? `the part is named ${form.field}`}`);
          return { status: 400, body: { return_code: 400, message: "Malformed form" } };
        }
        const answer = uploads.storeFile(state, seenNow, {
          filename: form.filename ?? "",
          size,
          md5: hash.digest("hex"),
        });
        stored = state.files.at(-1);
        return answer;
      },
      lost: () => {
        if (stored) stored.answerLost = true;
      },
      over: () => {
        bodies.now -= 1;
      },
    };
  };

  const routeBlocks = (head: Head, parts: readonly string[]): Handler => {
    const [, , last] = parts;
    if (head.method === "POST" && last === undefined) {
      return {
        step: "register",
        fault: plan.take("register", head),
        work: (one) => register(state, one, upload.origin),
      };
    }
    if (head.method === "GET" && last === "status") {
      return { step: "block-status", fault: plan.take("block-status", head), work: () => blockStatus(state, parts) };
    }
    if (head.method === "POST" && last !== undefined) {
      return { step: "block", fault: plan.take("block", head), work: (one) => storeBlock(state, one, parts) };
    }
    return stray(head);
  };

  const api = await listen({ identity, seen, violations, route: routeApi });
  const upload = await listen({ identity, seen, violations, route: routeUpload });

  const pathOfFolder = (slug: string | null): string => {
    const folder = state.folders.find((one) => one.slug === slug);
    if (folder === undefined) return "?";
    return folder.parent === null ? "" : `${pathOfFolder(folder.parent)}/${folder.name}`;
  };

  return {
    url: api.origin,
    uploadOrigin: upload.origin,
    state,
    seen,
    violations,
    get connections() {
      return api.connections;
    },
    get mostBodies() {
      return bodies.most;
    },
    get files() {
      return state.files.filter((file) => file.committed && !file.binned);
    },
    fault: (step, fault, times) => plan.add(step, fault, times),
    heal: () => plan.clear(),
    of: (step) => seen.filter((one) => one.step === step),
    folder(path) {
      let parent = root;
      const names = path.split("/").filter((name) => name !== "");
      for (const [at, name] of names.entries()) {
        const known = state.folders.find((one) => one.parent === parent && one.name === name);
        if (known !== undefined && at < names.length - 1) parent = known.slug;
        else {
          const slug = randomSlug();
          state.folders.push({ slug, name, parent });
          parent = slug;
        }
      }
      return parent;
    },
    pathOf: (file) => pathOfFolder(file.folder) || "/",
    requireCaptcha() {
      state.captcha = { token: `captcha-${randomSlug()}`, solved: false };
    },
    solveCaptcha() {
      if (state.captcha) state.captcha.solved = true;
    },
    expireSessions: () => state.sessions.clear(),
    async [Symbol.asyncDispose]() {
      await Promise.all([api[Symbol.asyncDispose](), upload[Symbol.asyncDispose]()]);
    },
  };
}

/** A number belongs to one body of its batch, whatever became of that body; a refused link takes none. */
function claimNumber(state: UloztoState, head: Head, violations: string[]): void {
  const link = state.links.get(head.query.get("signature") ?? "");
  const batch = state.batches.get(link?.batch ?? "");
  const number = Number(head.query.get("batch_file_id"));
  if (link === undefined || batch === undefined || performance.now() > link.until) return;
  if (batch.numbers.has(number)) violations.push(`upload: number ${number} is used twice`);
  batch.numbers.add(number);
}

function parseJson(seen: Seen, violations: string[]): Call["json"] {
  if (seen.received === 0) return {};
  if (!/^application\/json\b/i.test(seen.head.header("content-type") ?? "")) {
    violations.push(`${seen.step}: Content-Type ${seen.head.header("content-type")}`);
  }
  try {
    return JSON.parse(seen.text);
  } catch {
    violations.push(`${seen.step}: no JSON`);
    return {};
  }
}
