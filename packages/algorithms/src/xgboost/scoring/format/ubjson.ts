import { ModelFileError } from "../errors.ts";
import type { NumberArray, Value } from "./document.ts";

/** XGBoost's models nest seven deep. */
const maxDepth = 64;
/** Bytes of a number by its marker. */
const sizes: Readonly<Record<string, number>> = { i: 1, U: 1, I: 2, l: 4, L: 8, d: 4, D: 8, C: 1 };

/**
 * Reads a model in XGBoost's UBJSON (Universal Binary JSON, draft 12; numbers are big-endian). Containers may give their
 * length and, of arrays of numbers, their type.
 * @throws ModelFileError saying at which byte the file is not what it should be, or ends too soon.
 */
export function readUbjson(bytes: Buffer): Value {
  return new UbjsonReader(bytes).value(0);
}

class UbjsonReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  value(depth: number): Value {
    let marker = this.#marker();
    // No operation: a filler before a value.
    while (marker === "N") marker = this.#marker();
    switch (marker) {
      case "{":
        return this.#object(depth + 1);
      case "[":
        return this.#array(depth + 1);
      case "Z":
        return null;
      case "T":
        return true;
      case "F":
        return false;
      case "S":
        return this.#text();
      default:
        if (sizes[marker] === undefined) throw this.#broken(`the unknown marker ${JSON.stringify(marker)}`);
        return this.#number(marker);
    }
  }

  #object(depth: number): Value {
    this.#checkDepth(depth);
    const count = this.#count();
    const entries: [string, Value][] = [];
    while (count === undefined ? !this.#skip("}") : entries.length < count) {
      entries.push([this.#text(), this.value(depth)]);
    }
    return Object.fromEntries(entries);
  }

  #array(depth: number): Value {
    this.#checkDepth(depth);
    if (this.#skip("$")) return this.#typedArray(this.#marker());
    const count = this.#count();
    const values: Value[] = [];
    while (count === undefined ? !this.#skip("]") : values.length < count) values.push(this.value(depth));
    return values;
  }

  #typedArray(type: string): NumberArray {
    const size = sizes[type];
    if (size === undefined) throw this.#broken(`arrays of ${JSON.stringify(type)}, which have no numbers`);
    const count = this.#count();
    if (count === undefined) throw this.#broken("a typed array without a length");
    const begin = this.#take(count * size);
    return numbersAt(this.#bytes, { type, begin, count, size });
  }

  /** `#` and a length, which cannot be more than the bytes that are left: every element has at least one. */
  #count(): number | undefined {
    if (!this.#skip("#")) return undefined;
    return this.#length();
  }

  #length(): number {
    const begin = this.#at;
    const marker = this.#marker();
    if (!"iUIlL".includes(marker)) throw this.#broken("a length that is no whole number", begin);
    const length = this.#number(marker);
    if (length < 0 || length > this.#bytes.length - this.#at) {
      throw this.#broken(`a length of ${length} where ${this.#bytes.length - this.#at} bytes are left`, begin);
    }
    return length;
  }

  #text(): string {
    const length = this.#length();
    const begin = this.#take(length);
    return this.#bytes.toString("utf8", begin, begin + length);
  }

  #number(type: string): number {
    const at = this.#take(sizes[type] as number);
    switch (type) {
      case "i":
        return this.#bytes.readInt8(at);
      case "I":
        return this.#bytes.readInt16BE(at);
      case "l":
        return this.#bytes.readInt32BE(at);
      case "L":
        return Number(this.#bytes.readBigInt64BE(at));
      case "d":
        return this.#bytes.readFloatBE(at);
      case "D":
        return this.#bytes.readDoubleBE(at);
      default:
        return this.#bytes.readUInt8(at);
    }
  }

  #marker(): string {
    return String.fromCharCode(this.#bytes[this.#take(1)] as number);
  }

  /** Goes past a marker where it is the next. */
  #skip(marker: string): boolean {
    if (this.#at >= this.#bytes.length) throw this.#ended();
    if (this.#bytes[this.#at] !== marker.charCodeAt(0)) return false;
    this.#at += 1;
    return true;
  }

  #take(count: number): number {
    const begin = this.#at;
    if (count > this.#bytes.length - begin) throw this.#ended();
    this.#at += count;
    return begin;
  }

  #checkDepth(depth: number): void {
    if (depth > maxDepth) throw this.#broken(`more than ${maxDepth} containers within each other`);
  }

  #ended(): ModelFileError {
    return new ModelFileError(`its UBJSON ends after ${this.#bytes.length} bytes, within a value: is the file whole?`);
  }

  #broken(what: string, at = this.#at): ModelFileError {
    return new ModelFileError(`its UBJSON has ${what}, at byte ${at}`);
  }
}

interface Run {
  readonly type: string;
  readonly begin: number;
  readonly count: number;
  readonly size: number;
}

/** A copy of numbers in this machine's order of bytes. */
function numbersAt(bytes: Buffer, { type, begin, count, size }: Run): NumberArray {
  const own = new Uint8Array(bytes.subarray(begin, begin + count * size));
  const swapped = Buffer.from(own.buffer);
  if (size === 2) swapped.swap16();
  if (size === 4) swapped.swap32();
  if (size === 8) swapped.swap64();
  switch (type) {
    case "i":
      return new Int8Array(own.buffer);
    case "I":
      return new Int16Array(own.buffer);
    case "l":
      return new Int32Array(own.buffer);
    case "L":
      return Float64Array.from(new BigInt64Array(own.buffer), Number);
    case "d":
      return new Float32Array(own.buffer);
    case "D":
      return new Float64Array(own.buffer);
    default:
      return own;
  }
}
