/** A named float32 array, as in the `.params` file of an Apache MXNet module. */
export interface NamedArray {
  /** `arg:fc0_weight`. */
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

/** Serialises arrays as `mx.nd.save` does. */
export function writeParameters(arrays: readonly NamedArray[]): Buffer {
  const writer = new Writer();
  writer.u64(LIST_MAGIC).u64(0n).u64(BigInt(arrays.length));
  for (const { shape, values } of arrays) {
    writer.u32(ARRAY_MAGIC).u32(DENSE).u32(shape.length);
    for (const size of shape) writer.u64(BigInt(size));
    writer.u32(CPU).u32(0).u32(FLOAT32).floats(values);
  }
  writer.u64(BigInt(arrays.length));
  for (const { name } of arrays) {
    const bytes = Buffer.from(name);
    writer.u64(BigInt(bytes.length)).bytes(bytes);
  }
  return writer.end();
}

/** Reads a `.params` file of dense float32 arrays. @throws Error when it is something else. */
export function readParameters(bytes: Uint8Array): NamedArray[] {
  const reader = new Reader(bytes);
  if (reader.u64() !== LIST_MAGIC) throw new Error("not an MXNet parameter file");
  reader.u64();
  const count = Number(reader.u64());
  const arrays: { shape: number[]; values: Float32Array }[] = [];
  for (let i = 0; i < count; i++) {
    if (reader.u32() !== ARRAY_MAGIC || reader.u32() !== DENSE)
      throw new Error(`array ${i} is not a dense MXNet V2 array`);
    const shape = Array.from({ length: reader.u32() }, () => Number(reader.u64()));
    reader.u64(); // the device it was on
    if (reader.u32() !== FLOAT32) throw new Error(`array ${i} is not float32`);
    arrays.push({ shape, values: reader.floats(shape.reduce((a, b) => a * b, 1)) });
  }
  reader.u64();
  return arrays.map((array) => ({ ...array, name: reader.text(Number(reader.u64())) }));
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
    this.#at += 4;
    return this.#bytes.readUInt32LE(this.#at - 4);
  }
  u64(): bigint {
    this.#at += 8;
    return this.#bytes.readBigUInt64LE(this.#at - 8);
  }
  floats(count: number): Float32Array {
    const values = new Float32Array(count);
    const source = this.#take(count * 4);
    Buffer.from(values.buffer).set(source);
    return values;
  }
  text(length: number): string {
    return this.#take(length).toString("utf8");
  }
  #take(length: number): Buffer {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
