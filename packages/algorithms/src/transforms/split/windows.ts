import { CustomerError } from "../../job/errors.ts";
import type { Split } from "./k-fold.ts";

/** How rows in order of time are divided. */
export interface Windows {
  readonly splits: number;
  /** Rows of each test; by default all are of the size that leaves the first training as much. */
  readonly testSize?: number;
  /** Rows between training and test that are in neither. */
  readonly gap?: number;
  /** Most rows to learn from, the last ones before the test: windows slide. Without it they expand. */
  readonly maxTrainSize?: number;
}

/**
 * Tests that follow each other up to the last row, each with the rows before it to learn from.
 * @param rows - In order of time.
 * @throws CustomerError when there are too few.
 */
export function timeWindows(rows: number, { splits, testSize, gap = 0, maxTrainSize = rows }: Windows): Split[] {
  const size = testSize ?? Math.floor(rows / (splits + 1));
  if (size < 1 || rows - size * splits - gap <= 0) {
    throw new CustomerError(`${rows} rows are too few for ${splits} tests of ${size} rows with gaps of ${gap}.`);
  }
  const between = (from: number, to: number) => Uint32Array.from({ length: to - from }, (_, i) => from + i);
  return Array.from({ length: splits }, (_, i) => {
    const start = rows - (splits - i) * size;
    const end = start - gap;
    return { train: between(Math.max(0, end - maxTrainSize), end), test: between(start, start + size) };
  });
}
