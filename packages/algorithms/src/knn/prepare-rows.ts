import type { Rows } from "../formats/rows.ts";
import { openReduction, type Reduction, type ReductionModel } from "./reduction.ts";
import type { Area, Scanner } from "./search/scanner.ts";
import { strideOf } from "./search/stride.ts";

/** What rows go through before they are indexed or looked for. */
export interface Preparation {
  /** Features as they come. */
  readonly inputWidth: number;
  /** Features of an indexed row: those that are left, and zeros where a product quantizer needs more. */
  readonly width: number;
  readonly reduction: ReductionModel | undefined;
  /** Whether rows are brought to length 1, so that products are cosines. */
  readonly normalize: boolean;
}

/** Rows that are prepared at a time, unless they are so wide that they would take more than this. */
const mostSliceRows = 256;
const sliceBytes = 4 * 1024 * 1024;

/** Brings rows into the form of an index. A row comes out the same alone as among others. */
export class RowPreparer {
  readonly #preparation: Preparation;
  readonly #stride: number;
  readonly #sliceRows: number;
  readonly #reduction: Reduction | undefined;
  readonly #input: Area;
  readonly #reduced: Area;

  constructor(preparation: Preparation, scanner: Scanner) {
    const { inputWidth, reduction, width } = preparation;
    this.#preparation = preparation;
    this.#stride = strideOf(width);
    this.#reduction = reduction === undefined ? undefined : openReduction(reduction, scanner);
    const rows = Math.max(1, Math.min(mostSliceRows, Math.floor(sliceBytes / (4 * strideOf(inputWidth)))));
    this.#sliceRows = rows;
    this.#input = scanner.area(rows * strideOf(inputWidth));
    this.#reduced = reduction === undefined ? this.#input : scanner.area(rows * strideOf(reduction.target));
  }

  /**
   * Writes rows one after the other.
   * @param picks - Which rows, or the first of so many.
   * @param target - Shape (rows, strideOf(width)).
   */
  prepare(rows: Rows, picks: Picks, target: Float32Array): void {
    const { inputWidth, width, reduction, normalize } = this.#preparation;
    const isAsIs = rows.kind === "dense" && reduction === undefined && !normalize && width === inputWidth;
    if (isAsIs && this.#stride === width) {
      copyRows(rows.values, width, picks, target);
      return;
    }
    for (let done = 0; done < picks.count; done += this.#sliceRows) {
      const count = Math.min(this.#sliceRows, picks.count - done);
      this.#stage(rows, picks, done, count);
      this.#reduction?.apply(this.#input, count, this.#reduced);
      this.#write(count, reduction?.target ?? inputWidth, target, done);
    }
  }

  #stage(rows: Rows, { at, first = 0 }: Picks, done: number, count: number): void {
    const { inputWidth } = this.#preparation;
    const stride = strideOf(inputWidth);
    const { values } = this.#input;
    for (let i = 0; i < count; i++) {
      const row = at === undefined ? first + done + i : (at[done + i] as number);
      const to = i * stride;
      if (rows.kind === "dense") {
        values.set(rows.values.subarray(row * inputWidth, (row + 1) * inputWidth), to);
        continue;
      }
      values.fill(0, to, to + stride);
      const end = rows.offsets[row + 1] as number;
      for (let e = rows.offsets[row] as number; e < end; e++) {
        values[to + (rows.columns[e] as number)] = rows.values[e] as number;
      }
    }
  }

  #write(count: number, width: number, target: Float32Array, done: number): void {
    const { values } = this.#reduced;
    for (let i = 0; i < count; i++) {
      const from = i * strideOf(width);
      const to = (done + i) * this.#stride;
      const scale = this.#preparation.normalize ? scaleOf(values, from, width) : 1;
      for (let j = 0; j < width; j++) target[to + j] = scale * (values[from + j] as number);
      target.fill(0, to + width, to + this.#stride);
    }
  }
}

/** Rows to take: those at some places, or `count` from `first` on. */
export interface Picks {
  readonly count: number;
  readonly first?: number;
  readonly at?: readonly number[];
}

/** Rows whose form is that of the index: they only change their place. */
function copyRows(values: Float32Array, width: number, { at, first = 0, count }: Picks, target: Float32Array): void {
  if (at === undefined) {
    target.set(values.subarray(first * width, (first + count) * width));
    return;
  }
  for (let i = 0; i < count; i++) {
    const from = (at[i] as number) * width;
    const to = i * width;
    for (let j = 0; j < width; j++) target[to + j] = values[from + j] as number;
  }
}

/** What brings a row to length 1; a row of zeros has none and stays. */
function scaleOf(values: Float32Array, from: number, width: number): number {
  let square = 0;
  for (let j = 0; j < width; j++) square += (values[from + j] as number) ** 2;
  return square === 0 ? 1 : 1 / Math.sqrt(square);
}
