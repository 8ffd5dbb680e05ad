import { existsSync, readFileSync } from "node:fs";
import { buildFile } from "../../job/build-files.ts";
import type { RowShape } from "../csv/parse-rows.ts";
import type { Table } from "../rows.ts";
import type { RowRoom } from "../stream/row-room.ts";
import { tableBytes } from "./table-builder.ts";

interface Exports {
  parseRows(
    begin: number,
    end: number,
    width: number,
    labelWidth: number,
    labels: number,
    offsets: number,
    columns: number,
    values: number,
  ): number;
}

const pageBytes = 65_536;
/** The kernel keeps its constants in the first page. */
const bytesAt = pageBytes;
/** Fewest bytes of a value with its key, and of a frame. */
const entryBytes = 5;
const frameBytes = 8;

/** Reads sparse records in their usual form, with a memory of its own: one per thread. */
export class SparseKernel {
  readonly #memory = new WebAssembly.Memory({ initial: 16, maximum: pageBytes, shared: true });
  readonly #exports: Exports;

  /** @returns undefined where the kernel was not built. */
  static open(): SparseKernel | undefined {
    const file = buildFile("sparse-rows.wasm");
    return existsSync(file) ? new SparseKernel(new WebAssembly.Module(readFileSync(file))) : undefined;
  }

  private constructor(module: WebAssembly.Module) {
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.#memory } });
    this.#exports = exports as unknown as Exports; // tests hold the kernel and its twin alike
  }

  /** Memory for the frames of a block, to be filled before `parse`. */
  bytes(length: number): Uint8Array {
    this.#reserve(bytesAt + length);
    return new Uint8Array(this.#memory.buffer, bytesAt, length);
  }

  /**
   * Reads the frames in `bytes`.
   * @returns undefined where a record has another form, or is at fault.
   */
  parse(length: number, { labelWidth, columns }: RowShape, room: RowRoom): Table | undefined {
    const width = columns - labelWidth;
    const mostRows = Math.floor(length / frameBytes);
    const mostEntries = Math.floor(length / entryBytes);
    let free = bytesAt + length;
    const take = (bytes: number) => {
      const at = Math.ceil(free / 8) * 8;
      free = at + bytes;
      return at;
    };
    const offsetsAt = take((mostRows + 1) * 8);
    const labelsAt = take((mostRows + 1) * labelWidth * 4);
    const columnsAt = take(mostEntries * 4);
    const valuesAt = take(mostEntries * 4);
    this.#reserve(free);
    const end = bytesAt + length;
    const count = this.#exports.parseRows(bytesAt, end, width, labelWidth, labelsAt, offsetsAt, columnsAt, valuesAt);
    if (count < 0) return undefined;
    const { buffer } = this.#memory;
    const offsets = new Float64Array(buffer, offsetsAt, count + 1);
    const entries = offsets[count] as number;
    room.reserve(tableBytes({ count, width, labelWidth, isSparse: true, entries }));
    const table = {
      labels: room.floats(count * labelWidth),
      offsets: room.doubles(count + 1),
      columns: room.integers(entries),
      values: room.floats(entries),
    };
    table.labels.set(new Float32Array(buffer, labelsAt, count * labelWidth));
    table.offsets.set(offsets);
    table.columns.set(new Uint32Array(buffer, columnsAt, entries));
    table.values.set(new Float32Array(buffer, valuesAt, entries));
    const { labels, ...rows } = table;
    return { features: { kind: "sparse", count, width, ...rows }, labels, labelWidth };
  }

  #reserve(bytes: number): void {
    const missing = bytes - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / pageBytes));
  }
}
