/** Very many JSON values that are wanted again in their order, in a small part of their memory. */
export interface Packed<T> {
  add(value: T): void;
  values(): Generator<T>;
}

/** What is alike is packed best together; more at a time would make the reader wait. */
const TOGETHER = 500;

export function createPacked<T>(): Packed<T> {
  const packs: ReturnType<typeof Bun.zstdCompressSync>[] = [];
  let loose: T[] = [];
  return {
    add(value) {
      loose.push(value);
      if (loose.length < TOGETHER) return;
      packs.push(Bun.zstdCompressSync(JSON.stringify(loose)));
      loose = [];
    },
    *values() {
      for (const pack of packs) yield* JSON.parse(Bun.zstdDecompressSync(pack).toString()) as T[];
      yield* loose;
    },
  };
}
