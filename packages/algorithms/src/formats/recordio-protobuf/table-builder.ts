import { CustomerError } from "../../job/errors.ts";
import type { DenseRows, Rows, SparseRows, Table } from "../rows.ts";
import { RowRoom } from "../stream/row-room.ts";
import type { PlainRow } from "./plain-row.ts";

/** What must be known of all rows before room is made for them. */
export interface TableSize {
  readonly count: number;
  readonly width: number;
  readonly labelWidth: number;
  /** Whether any row is. */
  readonly isSparse: boolean;
  /** Entries of all rows of a sparse table; undefined for dense ones. */
  readonly entries: number | undefined;
}

/** Memory that a table of this size takes. */
export function tableBytes({ count, width, labelWidth, entries }: TableSize): number {
  const features = entries === undefined ? count * width * 4 : (count + 1) * 8 + entries * 8;
  return features + count * labelWidth * 4;
}

/** First pass over rows: finds the table's size and every row that does not fit it. */
export class TableMeasure {
  readonly #labelWidth: number;
  #width: number | undefined;
  #count = 0;
  #entries = 0;
  #isSparse = false;
  readonly #keys: number[] = [];

  constructor(labelWidth: number, featureDim: number | undefined) {
    this.#labelWidth = labelWidth;
    this.#width = featureDim;
  }

  add(row: PlainRow): void {
    const width = row.isSparse ? this.#sparseWidth(row) : denseWidth(row);
    this.#width ??= width;
    if (width !== this.#width) {
      throw new CustomerError(`${row.place} has ${width} features where ${this.#width} were expected.`);
    }
    if (row.labelCount < this.#labelWidth) {
      throw new CustomerError(`${row.place} has ${row.labelCount} label(s) where ${this.#labelWidth} were expected.`);
    }
    this.#count++;
    this.#entries += row.valueCount;
    this.#isSparse ||= row.isSparse;
  }

  /** What the rows so far take at least; without making an object for every row that asks. */
  get bytes(): number {
    return (this.#isSparse ? this.#entries * 2 : this.#entries) * 4;
  }

  get size(): TableSize {
    return {
      count: this.#count,
      width: this.#width ?? 0,
      labelWidth: this.#labelWidth,
      isSparse: this.#isSparse,
      entries: this.#isSparse ? this.#entries : undefined,
    };
  }

  #sparseWidth(row: PlainRow): number {
    const { place, valueCount, shapeSize } = row;
    const keys = row.copyKeys(this.#keys, 0, valueCount);
    if (keys !== valueCount) throw new CustomerError(`${place} has ${keys} keys for ${valueCount} values.`);
    if (shapeSize === undefined) throw new CustomerError(`${place} has keys and so must have a shape.`);
    for (let i = 0; i < keys; i++) {
      const key = this.#keys[i] ?? 0;
      if (key >= shapeSize) throw new CustomerError(`${place} has key ${key}, which is no column of ${shapeSize}.`);
    }
    return shapeSize;
  }
}

/** A sparse row without any entry has a shape and nothing else. */
function denseWidth({ valueCount, shapeSize }: PlainRow): number {
  return valueCount === 0 ? (shapeSize ?? 0) : valueCount;
}

/** Second pass: puts rows into the room made for them. */
export class TableFiller {
  readonly table: Table;
  #row = 0;
  /** One sparse row on its way into a dense table. */
  readonly #keys: number[] = [];
  #values = new Float32Array();

  /** @param size - Without entries the table is dense, and sparse rows are filled up with zeros. */
  constructor(size: TableSize, room: RowRoom = new RowRoom()) {
    const { count, width, labelWidth, entries } = size;
    room.reserve(tableBytes(size));
    const labels = room.floats(count * labelWidth);
    const features: Rows =
      entries === undefined
        ? { kind: "dense", count, width, values: room.floats(count * width) }
        : {
            kind: "sparse",
            count,
            width,
            offsets: room.doubles(count + 1),
            columns: room.integers(entries),
            values: room.floats(entries),
          };
    // Memory that is used again holds what was there before.
    if (features.kind === "sparse") features.offsets[0] = 0;
    else if (size.isSparse) features.values.fill(0);
    this.table = { features, labels, labelWidth };
  }

  add(row: PlainRow): void {
    const { features, labels, labelWidth } = this.table;
    const index = this.#row++;
    if (features.kind === "sparse") addSparse(row, features, index);
    else if (row.isSparse) this.#scatter(row, features, index);
    // A row with a shape and nothing else is one of zeros.
    else if (row.valueCount === 0) features.values.fill(0, index * features.width, (index + 1) * features.width);
    else row.copyValues(features.values, index * features.width);
    row.copyLabels(labels, index * labelWidth, labelWidth);
  }

  #scatter(row: PlainRow, { values, width }: DenseRows, index: number): void {
    const entries = row.valueCount;
    if (this.#values.length < entries) this.#values = new Float32Array(entries);
    row.copyValues(this.#values, 0);
    row.copyKeys(this.#keys, 0, entries);
    const seen = new Set<number>();
    for (let i = 0; i < entries; i++) {
      const key = this.#keys[i] as number;
      if (seen.has(key)) throw new CustomerError(`${row.place} names key ${key} twice.`);
      seen.add(key);
      values[index * width + key] = this.#values[i] as number;
    }
  }
}

function addSparse(row: PlainRow, { offsets, columns, values }: SparseRows, index: number): void {
  const begin = offsets[index] ?? 0;
  const end = begin + row.valueCount;
  offsets[index + 1] = end;
  row.copyValues(values, begin);
  if (row.isSparse) row.copyKeys(columns, begin, row.valueCount);
  else for (let i = begin; i < end; i++) columns[i] = i - begin;
  for (let i = begin + 1; i < end; i++) {
    if ((columns[i] ?? 0) > (columns[i - 1] ?? 0)) continue;
    sortEntries(columns.subarray(begin, end), values.subarray(begin, end), row.place);
    return;
  }
}

/** Puts a row's entries in ascending order of columns, which most writers have them in already. */
function sortEntries(columns: Uint32Array, values: Float32Array, place: string): void {
  const keys = columns.slice();
  const numbers = values.slice();
  const order = Array.from(keys, (_, i) => i).sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
  for (const [at, i] of order.entries()) {
    columns[at] = keys[i] ?? 0;
    values[at] = numbers[i] ?? 0;
    if (at > 0 && columns[at] === columns[at - 1]) throw new CustomerError(`${place} names key ${columns[at]} twice.`);
  }
}
