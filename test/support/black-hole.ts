import { dlopen, FFIType, ptr } from "bun:ffi";
import { connect } from "node:net";

const AF_INET = 2;
const SOCK_STREAM = 1;

/**
 * A port of 127.0.0.1 that answers nothing, not even a connection, as a firewall that drops everything: its listener
 * takes one connection, which is made here, and the kernel drops the others' first packets. Linux only.
 */
export async function blackHole(): Promise<{ readonly port: number } & Disposable> {
  const { i32, u32, ptr: pointer } = FFIType;
  const { symbols: libc } = dlopen("libc.so.6", {
    socket: { args: [i32, i32, i32], returns: i32 },
    bind: { args: [i32, pointer, u32], returns: i32 },
    listen: { args: [i32, i32], returns: i32 },
    getsockname: { args: [i32, pointer, pointer], returns: i32 },
    close: { args: [i32], returns: i32 },
  });
  const address = new Uint8Array(16);
  address.set([AF_INET, 0, 0, 0, 127, 0, 0, 1]);
  const listener = libc.socket(AF_INET, SOCK_STREAM, 0);
  const size = new Uint32Array([address.length]);
  const failed = [
    libc.bind(listener, ptr(address), address.length),
    libc.listen(listener, 0),
    libc.getsockname(listener, ptr(address), ptr(size)),
  ].some((result) => result !== 0);
  if (failed) throw new Error("no black hole could be made");
  const port = new DataView(address.buffer).getUint16(2);
  const filler = connect({ host: "127.0.0.1", port });
  await new Promise<void>((resolve, reject) => filler.once("connect", resolve).once("error", reject));
  return {
    port,
    [Symbol.dispose]() {
      filler.destroy();
      libc.close(listener);
    },
  };
}
