import type { Factor, Matrix } from "./blas.ts";

/** Sizes of `c (m, n) = a (m, k) b (k, n)`. */
export interface ProductShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Floats from one row of a matrix to the next. */
export function strideOf({ stride, columns }: Matrix): number {
  return stride ?? columns;
}

/** @throws RangeError naming the matrix that does not fit. */
export function productShape(a: Factor, b: Factor, c: Matrix): ProductShape {
  const [m, k] = shapeOf(a);
  const [inner, n] = shapeOf(b);
  if (inner !== k || c.rows !== m || c.columns !== n) {
    throw new RangeError(`(${m}, ${k}) times (${inner}, ${n}) does not make (${c.rows}, ${c.columns})`);
  }
  for (const [name, matrix] of Object.entries({ a, b, c })) checkMemory(name, matrix);
  return { m, n, k };
}

/** The transpose of a factor, without moving anything. */
export function transposed(a: Factor): Factor {
  return { ...a, isTransposed: a.isTransposed !== true };
}

function shapeOf({ rows, columns, isTransposed }: Factor): readonly [number, number] {
  return isTransposed === true ? [columns, rows] : [rows, columns];
}

/** A product that reads or writes beyond its memory would not fail: it would use somebody else's. */
function checkMemory(name: string, matrix: Matrix): void {
  const { rows, columns, values } = matrix;
  const stride = strideOf(matrix);
  if (stride < columns) throw new RangeError(`${name} has ${columns} columns and a stride of ${stride}`);
  const needed = rows === 0 || columns === 0 ? 0 : (rows - 1) * stride + columns;
  if (values.length < needed) {
    throw new RangeError(`${name} of shape (${rows}, ${columns}) needs ${needed} floats and has ${values.length}`);
  }
}
