import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface ServerIdentity {
  readonly key: string;
  readonly cert: string;
}

export interface TestAuthority {
  /** For NODE_EXTRA_CA_CERTS. */
  readonly caFile: string;
  /** Valid for 127.0.0.1 and localhost, signed by the authority. */
  readonly trusted: ServerIdentity;
  /** Signed by the authority for another name. */
  readonly otherName: ServerIdentity;
  /** Signed by the authority, no longer valid. */
  readonly expired: ServerIdentity;
}

let made: TestAuthority | undefined;

/** A certificate authority of this test run, made by openssl on first use. */
export function testAuthority(): TestAuthority {
  made ??= make();
  return made;
}

function make(): TestAuthority {
  const directory = mkdtempSync(join(tmpdir(), "hoist-e2e-ca-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  const openssl = (...args: string[]) => {
    const done = Bun.spawnSync(["openssl", ...args], { cwd: directory });
    if (done.exitCode !== 0) throw new Error(`openssl ${args[0]}: ${done.stderr.toString()}`);
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test authority");
  writeFileSync(join(directory, "ca.cnf"), CA_CONFIG);
  writeFileSync(join(directory, "index.txt"), "");
  writeFileSync(join(directory, "serial"), "01\n");
  const issue = (name: string, san: string, from: Date, until: Date): ServerIdentity => {
    writeFileSync(join(directory, `${name}.ext`), `basicConstraints=CA:FALSE\nsubjectAltName=${san}\n`);
    openssl("req", "-new", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    openssl(
      ...["ca", "-batch", "-notext", "-config", "ca.cnf", "-in", `${name}.csr`, "-out", `${name}.pem`],
      ...["-extfile", `${name}.ext`, "-startdate", asn1(from), "-enddate", asn1(until)],
    );
    return {
      key: readFileSync(join(directory, `${name}.key`), "utf8"),
      cert: readFileSync(join(directory, `${name}.pem`), "utf8"),
    };
  };
  const day = 24 * 3600_000;
  const from = new Date(Date.now() - day);
  const until = new Date(Date.now() + day);
  return {
    caFile: join(directory, "ca.pem"),
    trusted: issue("trusted", "IP:127.0.0.1,DNS:localhost", from, until),
    otherName: issue("other", "DNS:other.example", from, until),
    expired: issue("expired", "IP:127.0.0.1", new Date(Date.now() - 3 * day), from),
  };
}

const asn1 = (date: Date) =>
  `${date
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replace(/[-:T]/g, "")}`;

const CA_CONFIG = `[ca]
default_ca = here
[here]
database = index.txt
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
[any]
commonName = supplied
`;
