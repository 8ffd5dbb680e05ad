import { readFileSync } from "node:fs";
import { buildFile } from "../../job/build-files.ts";
import type { OddField, ParseResult, RowShape } from "./parse-rows.ts";

interface Exports {
  usePowers(table: number): void;
  countRows(begin: number, end: number): number;
  parseRows(
    begin: number,
    end: number,
    labelWidth: number,
    columns: number,
    labels: number,
    features: number,
    odd: number,
    oddCapacity: number,
    result: number,
  ): void;
}

/** Layout of the kernel's memory: tables first, then odd fields, then the text, then the rows read from it. */
const powersAt = 1024;
const resultAt = 2048;
const oddAt = 4096;
const pageBytes = 65_536;
/** Readable bytes that the kernel asks for after a line's end. */
const slackBytes = 32;

/** The CSV kernel with a memory of its own: one per thread. */
export class CsvKernel {
  readonly #memory = new WebAssembly.Memory({ initial: 16, maximum: 65_536, shared: true });
  readonly #exports: Exports;
  #bytes: Uint8Array = new Uint8Array(this.#memory.buffer);
  #textAt = 0;
  #oddCapacity = 0;

  constructor() {
    const module = new WebAssembly.Module(readFileSync(buildFile("csv.wasm")));
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.#memory } });
    this.#exports = exports as unknown as Exports; // csv.as.ts and this interface are kept alike by its tests
    const tables = new DataView(this.#memory.buffer);
    for (let i = 0; i <= 60; i++) tables.setFloat64(powersAt + i * 8, Number(`1e${i}`), true);
    for (let i = 0; i <= 8; i++) tables.setBigUint64(powersAt + (61 + i) * 8, 10n ** BigInt(i), true);
    this.#exports.usePowers(powersAt);
  }

  /**
   * Makes room and returns it, to be filled with `length` bytes of text. The byte before the first one is a line feed
   * until the caller overwrites it: `text[-1]` is what decides whether the text begins a row.
   */
  text(length: number, columns: number): Uint8Array {
    // At least one whole row must fit into the list of odd fields.
    this.#oddCapacity = Math.max(4096, columns);
    this.#textAt = align(oddAt + this.#oddCapacity * 16 + 1);
    this.#reserve(this.#textAt + length + slackBytes);
    this.#bytes[this.#textAt - 1] = 0x0a;
    return this.#bytes.subarray(this.#textAt, this.#textAt + length);
  }

  /** Rows that begin in [begin, end) of the text. */
  countRows(begin: number, end: number): number {
    return this.#exports.countRows(this.#textAt + begin, this.#textAt + end);
  }

  /**
   * Reads rows that begin in [begin, end) of the text, of which `length` bytes were filled.
   * @param maxRows - How many rows there can be; room is made for them.
   * @returns What `parseRows` of the twin returns, and the rows, in memory that the next call reuses.
   */
  parseRows(
    range: { begin: number; end: number; length: number; maxRows: number },
    shape: RowShape,
  ): ParseResult & { labels: Float32Array; features: Float32Array } {
    const { labelWidth, columns } = shape;
    const featureWidth = columns - labelWidth;
    const labelsAt = align(this.#textAt + range.length + slackBytes);
    const featuresAt = align(labelsAt + range.maxRows * labelWidth * 4);
    this.#reserve(featuresAt + range.maxRows * featureWidth * 4 + slackBytes);
    this.#bytes[this.#textAt + range.length] = 0x0a;
    this.#exports.parseRows(
      this.#textAt + range.begin,
      this.#textAt + range.end,
      labelWidth,
      columns,
      labelsAt,
      featuresAt,
      oddAt,
      this.#oddCapacity,
      resultAt,
    );
    const [status = 0, odds = 0, at = 0, fields = 0, rows = 0] = new Int32Array(this.#memory.buffer, resultAt, 5);
    return {
      status,
      at: at - this.#textAt,
      fields,
      rows,
      odd: this.#oddFields(odds),
      labels: new Float32Array(this.#memory.buffer, labelsAt, rows * labelWidth),
      features: new Float32Array(this.#memory.buffer, featuresAt, rows * featureWidth),
    };
  }

  #oddFields(count: number): OddField[] {
    if (count === 0) return [];
    const entries = new Int32Array(this.#memory.buffer, oddAt, count * 4);
    return Array.from({ length: count }, (_, i) => ({
      row: entries[i * 4] ?? 0,
      column: entries[i * 4 + 1] ?? 0,
      at: (entries[i * 4 + 2] ?? 0) - this.#textAt,
      length: entries[i * 4 + 3] ?? 0,
    }));
  }

  #reserve(bytes: number): void {
    const missing = bytes - this.#memory.buffer.byteLength;
    if (missing <= 0) return;
    this.#memory.grow(Math.ceil(missing / pageBytes));
    this.#bytes = new Uint8Array(this.#memory.buffer);
  }
}

function align(at: number): number {
  return (at + 63) & ~63;
}
