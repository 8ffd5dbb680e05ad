import { CustomerError } from "../../job/errors.ts";
import type { Rows, Table } from "../rows.ts";
import { type ProtobufRecord, type Tensor, valuesKey } from "./record.ts";

/** What must be known of all records before room is made for them. */
export interface TableSize {
  readonly count: number;
  readonly width: number;
  readonly labelWidth: number;
  /** Entries of all rows, where any of them is sparse; undefined for dense tables. */
  readonly entries: number | undefined;
}

/** First pass over records: finds the table's size and every record that does not fit it. */
export class TableMeasure {
  readonly #labelWidth: number;
  readonly #featureDim: number | undefined;
  #count = 0;
  #width = 0;
  #entries = 0;
  #isSparse = false;

  constructor(labelWidth: number, featureDim: number | undefined) {
    this.#labelWidth = labelWidth;
    this.#featureDim = featureDim;
  }

  add(record: ProtobufRecord, what: string): void {
    const features = featuresOf(record, what);
    const width = widthOf(features, what);
    const expected = this.#featureDim ?? (this.#count === 0 ? width : this.#width);
    if (width !== expected) throw new CustomerError(`${what} has ${width} features where ${expected} were expected.`);
    const labels = labelOf(record)?.values.length ?? 0;
    if (labels < this.#labelWidth) {
      throw new CustomerError(`${what} has ${labels} label(s) where ${this.#labelWidth} were expected.`);
    }
    this.#width = width;
    this.#count++;
    this.#entries += features.values.length;
    this.#isSparse ||= features.keys !== undefined;
  }

  get size(): TableSize {
    return {
      count: this.#count,
      width: this.#width,
      labelWidth: this.#labelWidth,
      entries: this.#isSparse ? this.#entries : undefined,
    };
  }
}

/** Second pass: puts records into the room made for them. */
export class TableFiller {
  readonly table: Table;
  #row = 0;

  constructor({ count, width, labelWidth, entries }: TableSize) {
    const labels = new Float32Array(new SharedArrayBuffer(count * labelWidth * 4));
    const features: Rows =
      entries === undefined
        ? { kind: "dense", count, width, values: new Float32Array(new SharedArrayBuffer(count * width * 4)) }
        : {
            kind: "sparse",
            count,
            width,
            offsets: new Float64Array(new SharedArrayBuffer((count + 1) * 8)),
            columns: new Uint32Array(new SharedArrayBuffer(entries * 4)),
            values: new Float32Array(new SharedArrayBuffer(entries * 4)),
          };
    this.table = { features, labels, labelWidth };
  }

  add(record: ProtobufRecord, what: string): void {
    const { features, labels, labelWidth } = this.table;
    const row = this.#row++;
    const tensor = featuresOf(record, what);
    if (features.kind === "dense") features.values.set(tensor.values, row * features.width);
    else {
      const at = features.offsets[row] ?? 0;
      features.offsets[row + 1] = at + tensor.values.length;
      setSparse(tensor, features.columns.subarray(at), features.values.subarray(at), what);
    }
    const label = labelOf(record)?.values;
    for (let i = 0; i < labelWidth; i++) labels[row * labelWidth + i] = label?.[i] ?? Number.NaN;
  }
}

/** Writes a row's entries in ascending order of columns, which most writers have them in already. */
function setSparse({ values, keys }: Tensor, columns: Uint32Array, target: Float32Array, what: string): void {
  const columnOf = (i: number) => (keys === undefined ? i : (keys[i] ?? 0));
  let isAscending = true;
  for (let i = 0; i < values.length; i++) {
    columns[i] = columnOf(i);
    target[i] = values[i] ?? 0;
    if (i > 0 && columnOf(i) <= columnOf(i - 1)) isAscending = false;
  }
  if (isAscending) return;
  const order = Array.from(values, (_, i) => i).sort((a, b) => columnOf(a) - columnOf(b));
  for (const [at, i] of order.entries()) {
    columns[at] = columnOf(i);
    target[at] = values[i] ?? 0;
    if (at > 0 && columns[at] === columns[at - 1]) throw new CustomerError(`${what} names key ${columns[at]} twice.`);
  }
}

function featuresOf({ features }: ProtobufRecord, what: string): Tensor {
  const value = features.get(valuesKey);
  if (value === undefined) throw new CustomerError(`${what} has no features under the key '${valuesKey}'.`);
  if (value.type === "bytes") throw new CustomerError(`${what} has bytes where a tensor of features was expected.`);
  return value;
}

function labelOf({ label }: ProtobufRecord): Tensor | undefined {
  const value = label.get(valuesKey);
  return value === undefined || value.type === "bytes" ? undefined : value;
}

function widthOf({ values, keys, shape }: Tensor, what: string): number {
  if (keys === undefined || keys.length === 0) {
    // A sparse row without any entry has a shape and nothing else.
    return values.length === 0 && shape !== undefined && shape.length > 0 ? product(shape) : values.length;
  }
  if (keys.length !== values.length) {
    throw new CustomerError(`${what} has ${keys.length} keys for ${values.length} values.`);
  }
  if (shape === undefined || shape.length === 0) throw new CustomerError(`${what} has keys and so must have a shape.`);
  const width = product(shape);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] ?? 0;
    if (key >= width) throw new CustomerError(`${what} has key ${key}, which is no column of ${width}.`);
  }
  return width;
}

function product(shape: ArrayLike<number>): number {
  return Array.from(shape).reduce((sizes, size) => sizes * size, 1);
}
