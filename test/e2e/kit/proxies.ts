import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** What stands in front of the server: a kind of proxy, reached by a scheme. */
export interface ProxyKind {
  readonly program: "nginx" | "caddy";
  readonly scheme: "http" | "https";
}

export interface ProxyPlace {
  /** An empty directory of its own. */
  readonly directory: string;
  /** Free. */
  readonly port: number;
  /** `127.0.0.1:7411`. */
  readonly upstream: string;
  /** Files; for `https`. */
  readonly cert: string;
  readonly key: string;
}

/** The name by which the documentation's examples go. */
export const NAME = "hoist.example";

/** Starts the proxy with the configuration that the documentation shows, on another port and without root. */
export async function startProxy(kind: ProxyKind, place: ProxyPlace): Promise<AsyncDisposable> {
  mkdirSync(place.directory, { recursive: true });
  const file = join(place.directory, kind.program);
  writeFileSync(file, kind.program === "nginx" ? nginx(kind, place) : caddyfile(kind, place));
  const command =
    kind.program === "nginx"
      ? ["nginx", "-p", place.directory, "-c", file]
      : ["caddy", "run", "--adapter", "caddyfile", "--config", file];
  const env = { PATH: `${process.env.PATH}:/usr/sbin`, HOME: place.directory, XDG_DATA_HOME: place.directory };
  const child = Bun.spawn(command, { env, stdout: "ignore", stderr: Bun.file(`${file}.log`) });
  for (const deadline = Date.now() + 15_000; !(await answers(place.port)); await Bun.sleep(20)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill();
      throw new Error(`${kind.program} does not start: ${readFileSync(`${file}.log`, "utf8")}`);
    }
  }
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

function nginx({ scheme }: ProxyKind, { directory, port, upstream, cert, key }: ProxyPlace): string {
  const server = documented("nginx")
    .replace("listen 443 ssl", `listen 127.0.0.1:${port}${scheme === "https" ? " ssl" : ""}`)
    .replace(/ssl_certificate .*;/, scheme === "https" ? `ssl_certificate ${cert};` : "")
    .replace(/ssl_certificate_key .*;/, scheme === "https" ? `ssl_certificate_key ${key};` : "")
    .replace("127.0.0.1:7411", upstream);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${directory}/${name};`,
  );
  return `daemon off;
${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 1;
pid ${directory}/pid;
error_log stderr warn;
events {}
http {
access_log off;
${temporary.join("\n")}
${server}
}
`;
}

function caddyfile({ scheme }: ProxyKind, { port, upstream, cert, key }: ProxyPlace): string {
  const tls = scheme === "https" ? `tls ${cert} ${key}` : "";
  const site = documented("caddyfile")
    .replace(`${NAME} {`, `${scheme}://${NAME}:${port} {\nbind 127.0.0.1\n${tls}`)
    .replace("127.0.0.1:7411", upstream);
  return `{\nadmin off\nauto_https disable_redirects\n}\n${site}`;
}

/** The one example in that language of docs/server.md. */
function documented(language: string): string {
  const page = readFileSync(resolve(import.meta.dir, "../../../docs/server.md"), "utf8");
  const [, code] = new RegExp(`^\\x60{3}${language}\\n([\\s\\S]*?)^\\x60{3}`, "m").exec(page) ?? [];
  if (code === undefined) throw new Error(`docs/server.md has no ${language}`);
  return code;
}

async function answers(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

/** A port that nobody had a moment ago. */
export function freePort(): number {
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = taken;
  taken.stop(true);
  return port;
}
