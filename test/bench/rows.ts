import { rmSync } from "node:fs";
import { join } from "node:path";
import { type BenchHosts, caFile } from "./hosts.ts";
import type { Peers } from "./peers.ts";
import type { Contender } from "./race.ts";

/** One thing to be measured: ours first, then who does the same. */
export interface Row {
  readonly name: string;
  /** GiB sent by each; 0 where that says nothing. */
  readonly gib: number;
  readonly contenders: readonly Contender[];
}

export interface Bench {
  readonly hoist: string;
  readonly directory: string;
  readonly peers: Peers;
  readonly plain: BenchHosts;
  readonly tls: BenchHosts;
  /** Answers after 5 ms. */
  readonly slow: BenchHosts;
  readonly large: { readonly path: string; readonly gib: number };
  /** Four of one GiB or less. */
  readonly four: { readonly paths: readonly string[]; readonly gib: number };
  readonly small: readonly string[];
  readonly tiny: string;
}

export function rowsOf(bench: Bench): readonly Row[] {
  const { hoist, directory, peers, plain, tls, slow, large, four, small, tiny } = bench;
  const prepare = () => rmSync(join(directory, "state"), { recursive: true, force: true });
  const ours = (name: string, hosts: BenchHosts, ...args: readonly string[]): Contender => ({
    name,
    command: [hoist, "up", "-q", ...args],
    env: hosts.env,
    prepare,
    beside: hosts.sinkPid,
  });
  const peer = (name: string, hosts: BenchHosts, ...command: readonly string[]): Contender => ({
    name,
    command,
    env: { REQUESTS_CA_BUNDLE: caFile() },
    beside: hosts.sinkPid,
  });
  const curl = (name: string, hosts: BenchHosts, ...args: readonly string[]) =>
    peer(name, hosts, "curl", "-sSf", "--cacert", caFile(), ...args);
  const form = (path: string, hosts: BenchHosts) => ["-F", `file=@${path}`, `${hosts.uploads}/form`];
  const alone = (name: string, ...command: readonly string[]): Contender => ({ name, command });
  const onePiece = ["--resumable", "never"];

  return [
    {
      name: "plain HTTP, raw body",
      gib: large.gib,
      contenders: [
        ours("hoist to UploadGig", plain, large.path, "--to", "uploadgig"),
        curl("curl -T", plain, "-T", large.path, `${plain.uploads}/upload`),
        peer("C sendfile", plain, peers.sendfile, new URL(plain.uploads).port, large.path),
        peer("Python requests", plain, "python3", peers.rawPost, `${plain.uploads}/upload`, large.path),
      ],
    },
    {
      name: "HTTPS, no MD5",
      gib: large.gib,
      contenders: [
        ours("hoist to UploadGig", tls, large.path, "--to", "uploadgig"),
        ours("hoist to Ulož.to, blocks", tls, large.path, "--to", "ulozto", "--resumable", "always"),
        curl("curl -F", tls, ...form(large.path, tls)),
        curl("curl -T", tls, "-T", large.path, `${tls.uploads}/upload`),
        peer("Python requests", tls, "python3", peers.rawPost, `${tls.uploads}/upload`, large.path),
      ],
    },
    {
      name: "HTTPS, multipart with MD5",
      gib: large.gib,
      contenders: [
        ours("hoist to Ulož.to", tls, large.path, "--to", "ulozto", ...onePiece),
        alone("openssl md5", "openssl", "md5", large.path),
        curl("curl -F", tls, ...form(large.path, tls)),
      ],
    },
    ...[plain, tls].map(
      (hosts): Row => ({
        name: `4 files with MD5, ${hosts === tls ? "HTTPS" : "HTTP"}`,
        gib: four.gib,
        contenders: [
          ours("hoist, 4 at once", hosts, ...four.paths, "--to", "ulozto", "-j", "4", ...onePiece),
          ours("hoist, one by one", hosts, ...four.paths, "--to", "ulozto", "-j", "1", ...onePiece),
        ],
      }),
    ),
    {
      name: `${small.length} files of 10 KB, 5 ms a call`,
      gib: 0,
      contenders: [
        ours("hoist to Ulož.to", slow, ...small, "--to", "ulozto"),
        peer("Python loop", slow, "python3", peers.uloztoLoop, slow.api, ...small),
      ],
    },
    {
      name: "standard input, chunked",
      gib: large.gib,
      contenders: [
        {
          ...ours("hoist up -", plain, "-", "--name", "f", "--to", "uploadgig"),
          stdin: large.path,
        },
        { ...curl("curl -T -", plain, "-T", "-", `${plain.uploads}/upload`), stdin: large.path },
      ],
    },
    {
      name: "start-up",
      gib: 0,
      contenders: [alone("hoist --version", hoist, "--version"), alone("curl --version", "curl", "--version")],
    },
    {
      name: "a file of 1 KB",
      gib: 0,
      contenders: [
        ours("hoist to UploadGig", plain, tiny, "--to", "uploadgig"),
        ours("hoist to Ulož.to", plain, tiny, "--to", "ulozto"),
        peer("Python loop", plain, "python3", peers.uloztoLoop, plain.api, tiny),
      ],
    },
  ];
}
