import { type ForeignFunction, type ForeignLibrary, openLibrary } from "../../foreign/koffi.ts";
import { libraryError } from "./library-error.ts";

/** A pointer to something of the library's. */
export type Handle = bigint;

/**
 * XGBoost's own library, through its C interface. Functions that not every version has are looked up when they are
 * called.
 */
export class XGBoostLibrary {
  readonly #library: ForeignLibrary;
  readonly #view: (pointer: bigint, bytes: number) => ArrayBuffer;
  readonly #address: (value: unknown) => bigint;
  readonly #functions = new Map<string, ForeignFunction>();
  /** `[3, 0, 5]` */
  readonly version: readonly [number, number, number];

  constructor(path: string) {
    // Threads that wait by spinning starve each other where cores are shared, and threads that never spin lose time at
    // each of the many short waits of a tree where they are not: a tenth of a millisecond of it costs little in the
    // one case and gives most of the other. The library of threads reads both when it is loaded.
    if (process.env.OMP_WAIT_POLICY === undefined) process.env.GOMP_SPINCOUNT ??= "10000";
    const { library, memory } = openLibrary(path);
    this.#library = library;
    this.#view = memory.view;
    this.#address = memory.address;
    const parts = [[0], [0], [0]] as [number[], number[], number[]];
    this.#function("void XGBoostVersion(_Out_ int*, _Out_ int*, _Out_ int*)")(...parts);
    this.version = [parts[0][0] ?? 0, parts[1][0] ?? 0, parts[2][0] ?? 0];
  }

  /** Whether this is a version from `major.minor` on. */
  isFrom(major: number, minor: number): boolean {
    return this.version[0] > major || (this.version[0] === major && this.version[1] >= minor);
  }

  /**
   * Calls a function that returns a status.
   * @throws CustomerError or Error with the library's message.
   */
  call(declaration: string, ...values: unknown[]): void {
    if (this.#function(declaration)(...values) === 0) return;
    throw libraryError(String(this.#function("const char* XGBGetLastError()")()));
  }

  /** Calls a function whose last argument receives a pointer. */
  create(declaration: string, ...values: unknown[]): Handle {
    const out: Handle[] = [0n];
    this.call(declaration, ...values, out);
    return out[0] as Handle;
  }

  /** Calls a function that returns a number of its own. */
  number(declaration: string): number {
    return Number(this.#function(declaration)());
  }

  /** A copy of numbers that belong to the library. */
  floats(pointer: Handle, count: number): Float32Array {
    return count === 0 ? new Float32Array(0) : new Float32Array(this.#view(pointer, count * 4)).slice();
  }

  /** A copy of bytes that belong to the library. */
  bytes(pointer: Handle, count: number): Buffer {
    return Buffer.from(new Uint8Array(this.#view(pointer, count)));
  }

  /** Describes a typed array by NumPy's array interface, as newer functions take arrays. The array must outlive the call. */
  arrayInterface(array: Float32Array | Uint32Array | BigUint64Array): string {
    const type = array instanceof Float32Array ? "<f4" : array instanceof Uint32Array ? "<u4" : "<u8";
    const address = this.#address(array).toString();
    return `{"data":[${address},true],"shape":[${array.length}],"typestr":"${type}","version":3}`;
  }

  /** The same of a matrix, row by row. */
  matrixInterface(values: Float32Array, rows: number, columns: number): string {
    const address = this.#address(values).toString();
    return `{"data":[${address},true],"shape":[${rows},${columns}],"typestr":"<f4","version":3}`;
  }

  /** How many numbers an array of this shape has. */
  product(shape: Handle, dimensions: number): number {
    const sizes = new BigUint64Array(this.#view(shape, dimensions * 8));
    return sizes.reduce((product, size) => product * Number(size), 1);
  }

  #function(declaration: string): ForeignFunction {
    const known = this.#functions.get(declaration);
    if (known) return known;
    const made = this.#library.func(declaration);
    this.#functions.set(declaration, made);
    return made;
  }
}
