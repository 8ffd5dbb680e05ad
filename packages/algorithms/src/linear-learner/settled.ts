import type { DenseRows, Rows } from "../formats/rows.ts";
import { SparseCollector } from "./sparse-collector.ts";
import { type Split, splitOf } from "./split.ts";
import { copyDense } from "./take-rows.ts";

/** Reads a split's rows into memory where they take no more than so many bytes; otherwise it stays as it is. */
export async function settled(split: Split, bytes: number): Promise<Split> {
  if (split.inMemory !== undefined || bytesOf(split) > bytes) return split;
  const labels = new Float32Array(split.count);
  const rows = split.kind === "dense" ? new DenseCollector(split) : new SparseCollector();
  let at = 0;
  for await (const piece of split.pieces()) {
    const { count } = piece.features;
    rows.add(piece.features, 0, count, at);
    labels.set(piece.labels, at);
    at += count;
  }
  return splitOf({ features: rows.of(split.count, split.width), labels }, split.kind);
}

function bytesOf({ kind, count, width, entries }: Split): number {
  return kind === "dense" ? count * (width + 1) * 4 : entries * 8 + count * 12;
}

class DenseCollector {
  readonly #values: Float32Array;
  readonly #width: number;

  constructor({ count, width }: Split) {
    this.#values = new Float32Array(count * width);
    this.#width = width;
  }

  add(rows: Rows, first: number, count: number, at: number): void {
    copyDense(rows, first, count, this.#values.subarray(at * this.#width));
  }

  of(count: number, width: number): DenseRows {
    return { kind: "dense", count, width, values: this.#values };
  }
}
