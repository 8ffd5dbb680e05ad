import type { Rows, SparseRows } from "../formats/rows.ts";
import { appendSparse, entriesOf } from "./take-rows.ts";

/** Sparse rows that grow as they come. */
export class SparseCollector {
  #offsets = new Float64Array(1);
  #columns = new Uint32Array();
  #values = new Float32Array();

  /** Puts rows behind the `at` that there are. */
  add(rows: Rows, first: number, count: number, at: number): void {
    const entries = (this.#offsets[at] as number) + entriesOf(rows, first, count);
    if (this.#offsets.length <= at + count)
      this.#offsets = grown(this.#offsets, new Float64Array(2 * (at + count) + 1));
    if (this.#values.length < entries) {
      this.#columns = grown(this.#columns, new Uint32Array(2 * entries));
      this.#values = grown(this.#values, new Float32Array(2 * entries));
    }
    appendSparse(rows, first, count, { offsets: this.#offsets, columns: this.#columns, values: this.#values }, at);
  }

  of(count: number, width: number): SparseRows {
    const entries = this.#offsets[count] as number;
    return {
      ...{ kind: "sparse", count, width, offsets: this.#offsets.subarray(0, count + 1) },
      columns: this.#columns.subarray(0, entries),
      values: this.#values.subarray(0, entries),
    };
  }
}

function grown<T extends Float32Array | Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
