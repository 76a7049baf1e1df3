import { createHash } from "node:crypto";
import type net from "node:net";
import type { Fault } from "./fault.ts";
import { bodyReader } from "./framing.ts";
import type { Head } from "./head.ts";
import type { Answer, Handler, Seen, WireOptions } from "./wire.ts";

const KEPT = 64 * 1024;

/** One request and its answer on one connection, with the fault that was planned for it. */
export class Exchange {
  readonly #socket: net.Socket;
  readonly #handler: Handler;
  readonly #seen: Seen;
  readonly #reader;
  readonly #finished: () => void;
  readonly #violations: string[];
  readonly #hash = createHash("md5");
  #kept: Buffer[] = [];
  #bodyEnded = false;
  #answered = false;
  #halted = false;
  #over = false;

  constructor(socket: net.Socket, connection: number, head: Head, options: WireOptions, finished: () => void) {
    this.#socket = socket;
    this.#finished = finished;
    this.#violations = options.violations;
    for (const fault of head.faults) options.violations.push(`${head.method} ${head.path}: ${fault}`);
    this.#handler = options.route(head);
    this.#seen = {
      n: options.seen.length + 1,
      at: performance.now(),
      step: this.#handler.step,
      head,
      tls: options.identity !== undefined,
      connection,
      received: 0,
      complete: false,
      md5: null,
      text: "",
      status: null,
    };
    options.seen.push(this.#seen);
    this.#reader = bodyReader(head.framing, (chunk) => this.#chunk(chunk));
    const fault = this.#handler.fault;
    if (fault?.breakAt === "head" || fault?.breakAt === 0) this.#break();
    else if (fault?.early !== undefined) void this.#answerEarly(fault.early);
  }

  /** Bytes taken of `input`; fewer than given where a fault has to strike at an exact byte. */
  take(input: Buffer): number {
    if (this.#halted || this.#bodyEnded) return 0;
    const fault = this.#handler.fault;
    const stops = [fault?.breakAt, fault?.stallAt, fault?.gateAt].filter(
      (at): at is number => typeof at === "number" && at > this.#seen.received,
    );
    const limit = stops.length === 0 ? input.length : Math.min(input.length, Math.min(...stops) - this.#seen.received);
    const taken = this.#reader.take(input.subarray(0, limit));
    const { received } = this.#seen;
    if (fault?.breakAt === received && received > 0) this.#break();
    else if (fault?.stallAt === received && received > 0) this.#halt();
    else if (fault?.gateAt === received && received > 0 && fault.gate) void this.#hold(fault.gate);
    else if (this.#reader.done) void this.#end();
    return taken;
  }

  #chunk(chunk: Buffer): void {
    const seen = this.#seen;
    if (seen.received + chunk.length <= KEPT) this.#kept.push(Buffer.from(chunk));
    seen.received += chunk.length;
    if (this.#handler.hash !== false) this.#hash.update(chunk);
    if (!this.#answered) this.#handler.body?.(chunk);
  }

  #halt(): void {
    this.#halted = true;
    this.#socket.pause();
  }

  async #hold(gate: NonNullable<Fault["gate"]>): Promise<void> {
    this.#halt();
    gate.arrive();
    await gate.opened;
    this.#halted = false;
    this.#socket.resume();
    // Wakes the pump for bytes that were already taken off the socket.
    this.#socket.emit("data", Buffer.alloc(0));
    if (this.#reader.done) void this.#end();
  }

  async #end(): Promise<void> {
    if (this.#bodyEnded) return;
    this.#bodyEnded = true;
    const seen = this.#seen;
    seen.complete = true;
    seen.md5 = this.#handler.hash === false ? null : this.#hash.digest("hex");
    if (seen.received <= KEPT) seen.text = Buffer.concat(this.#kept).toString("utf8");
    this.#kept = [];
    if (this.#reader.fault !== null) this.#violations.push(`${seen.step}: ${this.#reader.fault}`);
    if (this.#answered) return this.#finished();
    const fault = this.#handler.fault;
    if (fault?.gate && fault.gateAt === "end") {
      fault.gate.arrive();
      await fault.gate.opened;
    }
    if (fault?.breakAt === "end") return this.#break();
    const answer = await this.#compose(fault);
    if (fault?.delayMs !== undefined) await Bun.sleep(fault.delayMs);
    if (fault?.gate && fault.gateAt === "answer") {
      fault.gate.arrive();
      await fault.gate.opened;
    }
    if (fault?.breakAt === "answer" || this.#socket.destroyed) {
      this.#handler.lost?.(seen);
      return this.#break();
    }
    if (fault?.cutAnswerAt !== undefined) this.#handler.lost?.(seen);
    this.#send(answer, fault?.cutAnswerAt);
  }

  async #compose(fault: Fault | null): Promise<Answer> {
    const replaced = fault?.status !== undefined || fault?.body !== undefined;
    const own = !replaced || fault?.effect === true ? await this.#work() : null;
    if (replaced || own === null) {
      if (own !== null) this.#handler.lost?.(this.#seen);
      return { status: fault?.status ?? 200, ...(fault?.headers ? { headers: fault.headers } : {}), body: fault?.body };
    }
    return fault?.change ? { ...own, body: fault.change(own.body) } : own;
  }

  async #work(): Promise<Answer> {
    try {
      return await this.#handler.work(this.#seen);
    } catch (error) {
      this.#violations.push(`${this.#seen.step}: the stand-in failed: ${error}`);
      return { status: 500, body: "<html>Internal error</html>" };
    }
  }

  async #answerEarly(then: "drain" | "close"): Promise<void> {
    this.#answered = true;
    this.#send(await this.#compose(this.#handler.fault));
    if (then === "drain") return;
    this.#halt();
    this.#socket.end(() => this.#socket.destroy());
  }

  #send(answer: Answer, cut?: number): void {
    const text =
      typeof answer.body === "string" ? answer.body : answer.body === undefined ? "" : JSON.stringify(answer.body);
    const body = Buffer.from(text);
    const type = typeof answer.body === "string" ? "text/html; charset=utf-8" : "application/json";
    const close = cut !== undefined || this.#seen.head.header("connection")?.toLowerCase() === "close";
    const head = [
      `HTTP/1.1 ${answer.status} ${answer.status < 300 ? "OK" : "No"}`,
      ...Object.entries({ "Content-Type": type, ...answer.headers }).map(([name, value]) => `${name}: ${value}`),
      `Content-Length: ${body.length}`,
      ...(close ? ["Connection: close"] : []),
    ].join("\r\n");
    this.#seen.status = answer.status;
    this.leave();
    this.#socket.write(Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body.subarray(0, cut)]));
    if (close) this.#socket.end();
    if (this.#bodyEnded) this.#finished();
  }

  /** Also when the connection has gone. */
  leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.over?.();
  }

  #break(): void {
    this.#halted = true;
    if (this.#handler.fault?.breakWith === "fin") this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }
}
