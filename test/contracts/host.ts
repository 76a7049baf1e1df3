import { describe, expect, test } from "bun:test";
import type { ErrorCode } from "../../src/errors.ts";
import type { Credentials, Host, UploadOptions } from "../../src/hosts/host.ts";
import type { Phase } from "../../src/hosts/phase.ts";
import { streamSource } from "../../src/io/stream-source.ts";
import type { Json } from "../../src/json.ts";
import { bytesOf } from "../support/temporary.ts";
import { openStage, type Stage, type StageUpload } from "./stage.ts";

export interface HostContract {
  readonly host: Host;
  /** The simulation accepts them; each value is one that nothing else contains. */
  readonly credentials: Credentials;
  /** The simulation refuses them. */
  readonly refused: Credentials;
  /** The simulation's step that takes the bytes. */
  readonly bytesStep: string;
  readonly rows: readonly ContractRow[];
  /** Another way of the host to take files, with what is told of its own. */
  readonly way?: {
    readonly name: string;
    readonly options: Partial<UploadOptions>;
    readonly verified: "md5" | "size" | null;
    /** Bytes of the largest body for a file of that size. */
    readonly bodyOf: (size: number) => number;
  };
}

/** A row of errors.md: what a fault of the simulation comes to. */
export interface ContractRow {
  /** As on the command line: `step=fault[:n]`. */
  readonly faults: readonly string[];
  /** Of the file; default 1,000. */
  readonly size?: number;
  /** What the failed attempts end in, the last one last when there is no result. */
  readonly codes: readonly ErrorCode[];
  readonly ok: boolean;
  /** Requests that carried the file's bytes, or were to. */
  readonly bodies?: number;
  /** Milliseconds without progress, and until an answer; for faults that are waited for. */
  readonly patienceMs?: number;
}

const CHUNK = 262_144;
const SIZES = [0, 1, 2, 4_097, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17, 5_000_011];
/** More than the buffers of two sockets hide. */
const LARGE = 16_000_000;

const NAMES = [
  "quotes \"double\" and 'single'.bin",
  "per%cent %41 100%.bin",
  "Žluťoučký kůň úpěl ďábelské ódy.txt",
  "😀 family 👩‍👩‍👧 e\u0301.jpg",
  "back\\slash; semi=colon, & <tag>.bin",
  " blanks at both ends ",
  "...dots...",
  "no-extension",
  "ů".repeat(255),
  `${"x".repeat(251)}.bin`,
];

const CORRUPT: readonly Json[] = [0, "x", [], {}, [null], { slug: 5, batch: [], link: { url: "file:///" } }];
const LATE_PHASES: readonly Phase[] = ["sending", "finishing", "stored", "placed", "committing", "committed"];

/** What every host must do, over real sockets against its own simulation. */
export function describeHost(contract: HostContract): void {
  const { host, way } = contract;
  const bodyOf = way?.bodyOf ?? ((size: number) => size);

  /** A test on a stage of its own, whose messages are searched for secrets in the end. */
  function staged(
    name: string,
    faults: readonly string[],
    body: (stage: Stage) => Promise<void>,
    patienceMs = 5_000,
  ): void {
    test(name, async () => {
      await using stage = await openStage(host, contract.credentials, {
        faults,
        patienceMs,
        ...(way === undefined ? {} : { options: way.options }),
      });
      await body(stage);
      expect(stage.leaks()).toEqual([]);
    });
  }

  describe(`the contract of ${host.id}${way === undefined ? "" : `, ${way.name}`}`, () => {
    staged("sizes: exact bytes with an exact length, and what the host confirms", [], async (stage) => {
      for (const size of SIZES) {
        const before = stage.exchanges.length;
        const uploaded = await stage.upload(size, { name: `${size}.bin` });
        const result = await arrived(stage, uploaded);
        // An empty file goes in no other way than the plain one.
        const verified = way === undefined || size === 0 ? host.features.verifies : way.verified;
        expect(result).toMatchObject({ size, verified });
        expect(result.remoteId).toBeString();
        const requests = stage.exchanges.slice(before);
        expect(requests.filter(({ headers }) => headers.has("transfer-encoding"))).toEqual([]);
        expect(requests.some(({ headers }) => Number(headers.get("content-length") ?? -1) >= bodyOf(size))).toBe(true);
      }
    });

    staged("names arrive as they are", [], async (stage) => {
      for (const name of NAMES) {
        const { result, errors } = await stage.upload(3, { name });
        expect(errors.map((error) => error.message)).toEqual([]);
        expect((await stage.download(result?.url ?? "")).name).toBe(name);
      }
    });

    staged("phases are recorded in order, the first byte only after `sending`", [], async (stage) => {
      const read: string[] = [];
      const { context } = await stage.upload(2 * CHUNK, {
        onPhase: (phase) => void read.push(phase),
        onBytes: () => void read.push("bytes"),
      });
      const seen = context.phases;
      if (way === undefined) {
        expect(seen.filter((phase) => phase === "sending").length).toBe(1);
        expect(seen.indexOf("finishing")).toBeGreaterThan(seen.indexOf("sending"));
        expect(seen.indexOf("stored")).toBeGreaterThan(seen.indexOf("finishing"));
      }
      expect(seen.indexOf("stored")).toBeGreaterThan(seen.lastIndexOf("sending"));
      expect(read.indexOf("bytes")).toBeGreaterThan(read.indexOf("sending"));
    });

    staged("as many uploads as an account may have share one session", [], async (stage) => {
      const uploads = Array.from({ length: Math.min(4, host.features.perAccount) }, (_, index) =>
        stage.upload(CHUNK + index, { name: `${index}.bin` }),
      );
      for (const uploaded of await Promise.all(uploads)) await arrived(stage, uploaded);
    });

    staged(
      "an upload stopped mid-body ends at once, and takes its connection along",
      [`${contract.bytesStep}=stall`],
      async (stage) => {
        let stoppedAt = 0;
        let read = 0;
        const { result, errors } = await stage.upload(LARGE, {
          onBytes(delta, context) {
            read += delta;
            if (stoppedAt !== 0) return;
            stoppedAt = performance.now();
            setTimeout(() => context.abort(), 20);
          },
        });
        expect(performance.now() - stoppedAt).toBeLessThan(1_000);
        expect(result).toBeNull();
        expect(errors.map((error) => error.code)).toEqual(["cancelled"]);
        await stage.seen(
          ({ status, headers }) => status === null && Number(headers.get("content-length")) >= bodyOf(LARGE),
        );
        const then = read;
        await Bun.sleep(30);
        expect(read).toBe(then);
      },
    );

    staged("no checkpoint, however corrupt, is a bug", [], async (stage) => {
      for (const phase of LATE_PHASES) {
        for (const checkpoint of CORRUPT) {
          const uploaded = await stage.upload(5, { resume: { phase, checkpoint } });
          expect(uploaded.errors.filter((error) => error.code === "internal")).toEqual([]);
          if (uploaded.result !== null) await arrived(stage, uploaded);
        }
      }
    });

    staged("a refused login is final, in the host's words", [], async (stage) => {
      const session = await stage.open(contract.refused);
      const gone = new AbortController();
      await expect(session.check?.(gone.signal)).rejects.toMatchObject({ code: "host_auth", exit: 6 });
    });

    staged("a check tells whose account it is", [], async (stage) => {
      const info = await stage.session.check?.(new AbortController().signal);
      expect(info?.login).toBe(contract.credentials.user);
      expect(info?.freeBytes ?? 0).toBeGreaterThanOrEqual(0);
    });

    if (!host.features.needsSize) {
      staged("a stream of unknown length is sent as it comes", [], async (stage) => {
        for (const size of [0, 1, CHUNK + 1]) {
          const content = bytesOf(size);
          const input = new Response(content).body as ReadableStream<Uint8Array<ArrayBuffer>>;
          const uploaded = await stage.uploadSource(streamSource("-", input, { hash: false }));
          expect(await arrived(stage, { ...uploaded, content })).toMatchObject({ size });
        }
      });
    }

    if (host.features.folders) {
      staged("a folder is made when it is not there, once", [], async (stage) => {
        const folder = "/Zálohy 100%/a b";
        const uploads = [1, 2, 3].map((size) => stage.upload(size, { folder, name: `${size}` }));
        for (const uploaded of await Promise.all(uploads)) await arrived(stage, uploaded);
        expect(
          (await stage.session.existing?.({ name: "2", folder }, 2, new AbortController().signal))?.url,
        ).toBeString();
      });
    }

    staged("what stands on the host is found by name and size alone", [], async (stage) => {
      const { existing } = stage.session;
      if (existing === undefined) return;
      const { result } = await stage.upload(7, { name: "here.bin" });
      const find = (name: string, size: number) =>
        existing({ name, folder: host.features.folders ? "/" : null }, size, new AbortController().signal);
      expect(await find("here.bin", 7)).toMatchObject({ url: result?.url });
      expect(await find("here.bin", 8)).toBeNull();
      expect(await find("Here.bin", 7)).toBeNull();
    });

    for (const row of contract.rows) {
      const name = `${row.faults.join(", ")} → ${row.ok ? "ok" : row.codes.at(-1)}`;
      const size = row.size ?? 1_000;
      const body = async (stage: Stage) => {
        const uploaded = await stage.upload(size);
        expect(uploaded.errors.map((error) => error.code)).toEqual([...row.codes]);
        if (row.ok) await arrived(stage, uploaded);
        else expect(uploaded.result).toBeNull();
        const { bodies } = row;
        if (bodies === undefined) return;
        const carried = () =>
          stage.exchanges.filter(({ headers }) => Number(headers.get("content-length") ?? 0) >= bodyOf(size));
        // The host notices a client that gave up a moment after the client does.
        if (bodies > 0) await stage.seen(() => carried().length >= bodies);
        expect(carried().length).toBe(bodies);
      };
      staged(name, row.faults, body, row.patienceMs);
    }
  });
}

/** The upload succeeded, and its link leads to exactly what was sent. */
async function arrived(stage: Stage, { result, errors, content }: Omit<StageUpload, "context">) {
  if (result === null) throw errors.at(-1) ?? new Error("neither result nor error");
  const { bytes } = await stage.download(result.url);
  expect(Buffer.from(bytes).equals(content)).toBe(true);
  if (result.md5 !== null) expect(result.md5).toBe(new Bun.CryptoHasher("md5").update(content).digest("hex"));
  return result;
}
