import { addMultiple, dot } from "./vectors.ts";

/** Eigenvalues and orthonormal eigenvectors of a symmetric matrix, the largest value first. */
export interface Eigen {
  readonly values: Float64Array;
  /** Shape (values.length, n), row-major: a vector is a row. */
  readonly vectors: Float64Array;
}

/** QL steps for one eigenvalue; two are the rule. */
const mostSteps = 60;

/**
 * All eigenvalues and eigenvectors, by Householder's reduction to a tridiagonal matrix and implicit QL steps. Takes some
 * 10 n^3 multiply-adds.
 * @param matrix - Shape (n, n), row-major, both triangles; used up.
 * @throws RangeError when an element is not finite.
 * @see Golub and Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3.
 */
export function symmetricEigen(matrix: Float64Array, n: number): Eigen {
  let scale = 0;
  for (const value of matrix) scale = Math.max(scale, Math.abs(value));
  if (!Number.isFinite(scale)) throw new RangeError("the matrix has an element that is not finite");
  if (scale > 0) for (let i = 0; i < matrix.length; i++) matrix[i] = (matrix[i] as number) / scale;
  const tridiagonal = tridiagonalize(matrix, n);
  diagonalize(tridiagonal, n);
  const { diagonal, rows } = tridiagonal;
  const order = Array.from(diagonal.keys()).sort((a, b) => (diagonal[b] as number) - (diagonal[a] as number));
  const vectors = new Float64Array(n * n);
  for (const [to, from] of order.entries()) vectors.set(rows.subarray(from * n, (from + 1) * n), to * n);
  return { values: Float64Array.from(order, (from) => (diagonal[from] as number) * scale), vectors };
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** `beside[i]` stands between `diagonal[i]` and `diagonal[i + 1]`; the last one is 0. */
  readonly beside: Float64Array;
  /** Q^T of shape (n, n), where Q^T A Q is tridiagonal. */
  readonly rows: Float64Array;
}

function tridiagonalize(a: Float64Array, n: number): Tridiagonal {
  const beside = new Float64Array(n);
  const factors = new Float64Array(n);
  const product = new Float64Array(n);
  // Row and column are alike, so what is right of the diagonal of row k becomes the Householder vector.
  const vectorOf = (k: number) => a.subarray(k * n + k + 1, (k + 1) * n);
  for (let k = 0; k < n - 1; k++) {
    const v = vectorOf(k);
    const { factor, length } = toReflector(v);
    factors[k] = factor;
    beside[k] = length;
    if (factor !== 0) reflect(a, n, k + 1, v, factor, product);
  }
  const diagonal = Float64Array.from({ length: n }, (_, i) => a[i * n + i] as number);
  const rows = new Float64Array(n * n);
  for (let i = 0; i < n; i++) rows[i * n + i] = 1;
  for (let k = n - 2; k >= 0; k--) {
    const factor = factors[k] as number;
    if (factor === 0) continue;
    const v = vectorOf(k);
    for (let i = k + 1; i < n; i++) {
      const row = rows.subarray(i * n + k + 1, (i + 1) * n);
      addMultiple(row, v, -factor * dot(row, v));
    }
  }
  return { diagonal, beside, rows };
}

/** Turns x into v such that x - factor v (v . x) is `length` in its first place and 0 elsewhere. */
function toReflector(x: Float64Array): { readonly factor: number; readonly length: number } {
  const [first = 0] = x;
  const rest = x.subarray(1);
  const others = dot(rest, rest);
  if (others === 0) return { factor: 0, length: first };
  const norm = Math.sqrt(first * first + others);
  const length = first > 0 ? -norm : norm;
  x[0] = first - length;
  return { factor: 2 / (others + (first - length) ** 2), length };
}

/** A <- H A H for the part of A from row and column `from` on, H = I - factor v v^T. */
function reflect(
  a: Float64Array,
  n: number,
  from: number,
  v: Float64Array,
  factor: number,
  product: Float64Array,
): void {
  const p = product.subarray(0, v.length);
  const rowOf = (i: number) => a.subarray((from + i) * n + from, (from + i + 1) * n);
  for (let i = 0; i < v.length; i++) p[i] = factor * dot(rowOf(i), v);
  addMultiple(p, v, (-factor / 2) * dot(p, v));
  for (let i = 0; i < v.length; i++) {
    const row = rowOf(i);
    const vi = v[i] as number;
    const pi = p[i] as number;
    for (let j = 0; j < row.length; j++) row[j] = (row[j] as number) - vi * (p[j] as number) - pi * (v[j] as number);
  }
}

/** QL steps with Wilkinson's shift until nothing is left beside the diagonal; rotations go to `rows` as well. */
function diagonalize({ diagonal: d, beside: e, rows }: Tridiagonal, n: number): void {
  for (let l = 0; l < n; l++) {
    for (let step = 0; ; step++) {
      const m = endOfBlock(d, e, l, n);
      if (m === l) break;
      if (step === mostSteps) throw new Error("the eigenvalues do not converge");
      stepOver(d, e, l, m, (i, cosine, sine) => rotate(rows, n, i, cosine, sine));
    }
  }
}

/** Where the block that begins at l ends: there is nothing beside the diagonal behind it. */
function endOfBlock(d: Float64Array, e: Float64Array, l: number, n: number): number {
  for (let m = l; m < n - 1; m++) {
    const size = Math.abs(d[m] as number) + Math.abs(d[m + 1] as number);
    if (Math.abs(e[m] as number) <= Number.EPSILON * size) return m;
  }
  return n - 1;
}

function stepOver(
  d: Float64Array,
  e: Float64Array,
  l: number,
  m: number,
  onRotation: (i: number, cosine: number, sine: number) => void,
): void {
  const dl = d[l] as number;
  const el = e[l] as number;
  const half = ((d[l + 1] as number) - dl) / (2 * el);
  const root = Math.sqrt(half * half + 1);
  let g = (d[m] as number) - dl + el / (half + (half < 0 ? -root : root));
  let sine = 1;
  let cosine = 1;
  let p = 0;
  for (let i = m - 1; i >= l; i--) {
    const f = sine * (e[i] as number);
    const b = cosine * (e[i] as number);
    const r = Math.sqrt(f * f + g * g);
    e[i + 1] = r;
    if (r === 0) {
      // The block falls apart here; the next step begins on the smaller one.
      d[i + 1] = (d[i + 1] as number) - p;
      e[m] = 0;
      return;
    }
    sine = f / r;
    cosine = g / r;
    g = (d[i + 1] as number) - p;
    const t = ((d[i] as number) - g) * sine + 2 * cosine * b;
    p = sine * t;
    d[i + 1] = g + p;
    g = cosine * t - b;
    onRotation(i, cosine, sine);
  }
  d[l] = (d[l] as number) - p;
  e[l] = g;
  e[m] = 0;
}

/** Rotates rows i and i + 1. */
function rotate(rows: Float64Array, n: number, i: number, cosine: number, sine: number): void {
  const low = i * n;
  const high = low + n;
  for (let k = 0; k < n; k++) {
    const a = rows[low + k] as number;
    const b = rows[high + k] as number;
    rows[high + k] = sine * a + cosine * b;
    rows[low + k] = cosine * a - sine * b;
  }
}
