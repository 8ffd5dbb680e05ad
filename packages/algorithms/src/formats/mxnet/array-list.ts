/** A float32 array of an Apache MXNet NDArray list: the `.params` file of a module, or what `mx.nd.save` writes. */
export interface NamedArray {
  /** `arg:fc0_weight`; empty in a list without names. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

// MXNet 1.x, src/ndarray/ndarray.cc: the magic numbers of a list of arrays and of one array (format V2).
const LIST_MAGIC = 0x112n;
const ARRAY_MAGIC = 0xf993fac9;
const DENSE = 0;
const CPU = 1;
const FLOAT32 = 0;
/** More than any array has; a damaged count ends here. */
const MOST_DIMENSIONS = 32;

/** Serialises arrays as `mx.nd.save` does: a dictionary, or a plain list where no array has a name. */
export function writeArrayList(arrays: readonly NamedArray[]): Buffer {
  const writer = new Writer();
  writer.u64(LIST_MAGIC).u64(0n).u64(BigInt(arrays.length));
  for (const { shape, values } of arrays) {
    writer.u32(ARRAY_MAGIC).u32(DENSE).u32(shape.length);
    for (const size of shape) writer.u64(BigInt(size));
    writer.u32(CPU).u32(0).u32(FLOAT32).floats(values);
  }
  const named = arrays.some(({ name }) => name !== "") ? arrays : [];
  writer.u64(BigInt(named.length));
  for (const { name } of named) {
    const bytes = Buffer.from(name);
    writer.u64(BigInt(bytes.length)).bytes(bytes);
  }
  return writer.end();
}

/** Reads a list of dense float32 arrays. @throws Error when it is something else or cut off. */
export function readArrayList(bytes: Uint8Array): NamedArray[] {
  const reader = new Reader(bytes);
  if (reader.u64() !== LIST_MAGIC) throw new Error("not an MXNet NDArray list");
  reader.u64();
  const count = Number(reader.u64());
  const arrays: { shape: number[]; values: Float32Array }[] = [];
  for (let i = 0; i < count; i++) {
    if (reader.u32() !== ARRAY_MAGIC || reader.u32() !== DENSE)
      throw new Error(`array ${i} is not a dense MXNet V2 array`);
    const dimensions = reader.u32();
    if (dimensions > MOST_DIMENSIONS) throw new Error(`array ${i} has ${dimensions} dimensions`);
    const shape = Array.from({ length: dimensions }, () => Number(reader.u64()));
    reader.u64(); // the device it was on
    if (reader.u32() !== FLOAT32) throw new Error(`array ${i} is not float32`);
    arrays.push({ shape, values: reader.floats(shape.reduce((a, b) => a * b, 1)) });
  }
  const names = Number(reader.u64());
  if (names !== 0 && names !== count) throw new Error(`the list has ${names} names for ${count} arrays`);
  return arrays.map((array) => ({ ...array, name: names === 0 ? "" : reader.text(Number(reader.u64())) }));
}

class Writer {
  readonly #parts: Buffer[] = [];
  u32(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.bytes(bytes);
  }
  u64(value: bigint): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return this.bytes(bytes);
  }
  floats(values: Float32Array): this {
    return this.bytes(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
  }
  bytes(bytes: Buffer): this {
    this.#parts.push(bytes);
    return this;
  }
  end(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  u32(): number {
    return this.#take(4).readUInt32LE();
  }
  u64(): bigint {
    return this.#take(8).readBigUInt64LE();
  }
  floats(count: number): Float32Array {
    const source = this.#take(count * 4);
    const values = new Float32Array(count);
    Buffer.from(values.buffer).set(source);
    return values;
  }
  text(length: number): string {
    return this.#take(length).toString("utf8");
  }
  /** Looks at what is left first: a damaged count must not ask for more memory than there are bytes. */
  #take(length: number): Buffer {
    const left = this.#bytes.length - this.#at;
    if (length > left) throw new Error(`the NDArray list is cut off: ${length} bytes were expected, ${left} are left`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
