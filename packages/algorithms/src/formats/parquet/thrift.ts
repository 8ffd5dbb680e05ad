/** A value of Thrift's compact protocol: what a Parquet file describes itself with. */
export type ThriftValue = number | bigint | boolean | Buffer | readonly ThriftValue[] | ThriftStruct;
/** Members of a structure by their numbers. */
export type ThriftStruct = ReadonlyMap<number, ThriftValue>;

/** A malformed structure nests no deeper than this before it is refused. */
const maxDepth = 32;

/**
 * Reads one structure of the compact protocol (Apache Thrift, thrift-compact-protocol).
 * @returns The structure and the position behind it.
 * @throws RangeError when the bytes end within it.
 */
export function readThrift(bytes: Buffer, at: number): { readonly value: ThriftStruct; readonly end: number } {
  const reader = new ThriftReader(bytes, at);
  return { value: reader.struct(0), end: reader.at };
}

class ThriftReader {
  readonly #bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  struct(depth: number): ThriftStruct {
    if (depth > maxDepth) throw new RangeError("structures nest too deep");
    const members = new Map<number, ThriftValue>();
    for (let id = 0; ; ) {
      const head = this.#byte();
      if (head === 0) return members;
      const delta = head >> 4;
      id = delta === 0 ? Number(this.#zigzag()) : id + delta;
      members.set(id, this.#value(head & 15, depth));
    }
  }

  #value(type: number, depth: number): ThriftValue {
    switch (type) {
      case 1:
        return true;
      case 2:
        return false;
      case 3:
        return this.#byte();
      case 4:
      case 5:
        return Number(this.#zigzag());
      case 6:
        return this.#zigzag();
      case 7:
        this.at += 8;
        return this.#bytes.readDoubleLE(this.at - 8);
      case 8: {
        const length = Number(this.#varint());
        if (this.at + length > this.#bytes.length) throw new RangeError("a text goes past the end");
        this.at += length;
        return this.#bytes.subarray(this.at - length, this.at);
      }
      case 9:
      case 10:
        return this.#list(depth);
      case 12:
        return this.struct(depth + 1);
      default:
        throw new RangeError(`type ${type} is not known`);
    }
  }

  #list(depth: number): ThriftValue[] {
    const head = this.#byte();
    const size = head >> 4 === 15 ? Number(this.#varint()) : head >> 4;
    if (size > this.#bytes.length) throw new RangeError("a list is longer than the file");
    const type = head & 15;
    // Booleans in lists are bytes of their own.
    return Array.from({ length: size }, () => (type <= 2 ? this.#byte() === 1 : this.#value(type, depth + 1)));
  }

  #byte(): number {
    return this.#bytes.readUInt8(this.at++);
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new RangeError("a number is too long");
  }

  #zigzag(): bigint {
    const value = this.#varint();
    return (value >> 1n) ^ -(value & 1n);
  }
}
