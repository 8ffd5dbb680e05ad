import type { Blas, Matrix } from "../blas/blas.ts";
import { type RandomStream, randomStream } from "../random.ts";
import { type Eigen, symmetricEigen } from "./symmetric-eigen.ts";
import { dot, orthonormalize } from "./vectors.ts";

/** Multiplications with the matrix between two looks at the eigenvalues. */
const degree = 8;
const mostRounds = 40;
/** Residual, over the largest eigenvalue, at which single precision has no more to give. */
const tolerance = 2e-6;
const seed = 0x65696765;

/**
 * The largest eigenvalues of a positive semidefinite matrix, by subspace iteration with Chebyshev polynomials that damp
 * the other ones. Products are in single precision, so values have errors of some 1e-7 of the largest one.
 * @param matrix - Shape (n, n), row-major, both triangles.
 * @param count - How many, up to n.
 * @throws RangeError when an element is not finite.
 * @see Zhou, Saad, Tiago and Chelikowsky (2006), Self-consistent-field calculations using Chebyshev-filtered subspace
 * iteration, J. Comput. Phys. 219(1): the scaled filter.
 */
export function leadingEigen(blas: Blas, matrix: Float64Array, n: number, count: number): Eigen {
  let scale = 0;
  for (let i = 0; i < n; i++) scale = Math.max(scale, matrix[i * n + i] as number);
  if (!Number.isFinite(scale)) throw new RangeError("the matrix has an element that is not finite");
  const values = blas.floats(n * n);
  for (let i = 0; i < values.length; i++) values[i] = (matrix[i] as number) / (scale || 1);
  const iteration = new SubspaceIteration(blas, { values, rows: n, columns: n }, count, randomStream(seed));
  for (let round = 0; round < mostRounds && !iteration.isSettled(); round++) iteration.filter();
  const found = iteration.result();
  return { values: found.values.map((value) => value * scale), vectors: found.vectors };
}

class SubspaceIteration {
  readonly #blas: Blas;
  readonly #matrix: Matrix;
  readonly #n: number;
  readonly #count: number;
  /** Vectors of the subspace: more than are wanted, since convergence is as fast as the first left-out value is far. */
  readonly #size: number;
  readonly #random: RandomStream;
  /** The subspace, what the matrix makes of it, and room: each of shape (n, size), a vector is a column. */
  #x: Matrix;
  #ax: Matrix;
  #spare: Matrix;
  /** Rows of the same, in double precision. */
  readonly #basis: Float64Array;
  readonly #products: Float64Array;
  #values: Float64Array = new Float64Array();

  constructor(blas: Blas, matrix: Matrix, count: number, random: RandomStream) {
    this.#blas = blas;
    this.#matrix = matrix;
    this.#n = matrix.rows;
    this.#count = count;
    this.#size = Math.min(this.#n, count + Math.max(10, Math.ceil(count / 4)));
    this.#random = random;
    const room = (): Matrix => ({ values: blas.floats(this.#n * this.#size), rows: this.#n, columns: this.#size });
    [this.#x, this.#ax, this.#spare] = [room(), room(), room()];
    this.#basis = Float64Array.from({ length: this.#n * this.#size }, () => random.normal());
    this.#products = new Float64Array(this.#n * this.#size);
    this.#project();
  }

  /** Whether the wanted vectors are eigenvectors as far as single precision can tell. */
  isSettled(): boolean {
    const [largest = 0] = this.#values;
    for (let c = 0; c < this.#count; c++) {
      let squares = 0;
      for (let i = 0; i < this.#n; i++) {
        const at = c * this.#n + i;
        squares += ((this.#products[at] as number) - (this.#values[c] as number) * (this.#basis[at] as number)) ** 2;
      }
      if (Math.sqrt(squares) > tolerance * largest) return false;
    }
    return true;
  }

  /** Multiplies the subspace with a polynomial that is small from 0 to the smallest of its values, and large above. */
  filter(): void {
    const largest = this.#values[0] as number;
    const half = Math.max(this.#values.at(-1) as number, 1e-6 * largest) / 2;
    const first = half / (largest - half);
    let sigma = first;
    // The first degree is (A - half) x times first / half; A x is there.
    combine(this.#spare, [first / half, this.#ax], [-first, this.#x]);
    for (let i = 2; i <= degree; i++) {
      const next = 1 / (2 / first - sigma);
      // y <- 2 next / half (A - half) y - sigma next x, into the place of x.
      combine(this.#x, [-2 * next, this.#spare], [-sigma * next, this.#x]);
      this.#blas.gemm(this.#matrix, this.#spare, this.#x, { alpha: (2 * next) / half, beta: 1 });
      [this.#x, this.#spare] = [this.#spare, this.#x];
      sigma = next;
    }
    transpose(this.#spare, this.#basis);
    this.#project();
  }

  result(): Eigen {
    const length = this.#count * this.#n;
    return { values: this.#values.slice(0, this.#count), vectors: this.#basis.slice(0, length) };
  }

  /** Rayleigh and Ritz: the best eigenvectors within the span of `basis`, and what the matrix makes of them. */
  #project(): void {
    const [n, size] = [this.#n, this.#size];
    orthonormalize(this.#basis, size, n, () => this.#random.normal());
    writeColumns(this.#basis, this.#x);
    this.#blas.gemm(this.#matrix, this.#x, this.#ax);
    transpose(this.#ax, this.#products);
    const core = new Float64Array(size * size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j <= i; j++) {
        const value = dot(row(this.#basis, i, n), row(this.#products, j, n));
        core[i * size + j] = value;
        core[j * size + i] = value;
      }
    }
    const { values, vectors } = symmetricEigen(core, size);
    this.#values = values;
    turn(this.#basis, vectors, size, n);
    turn(this.#products, vectors, size, n);
    writeColumns(this.#basis, this.#x);
    writeColumns(this.#products, this.#ax);
  }
}

function row(matrix: Float64Array, i: number, n: number): Float64Array {
  return matrix.subarray(i * n, (i + 1) * n);
}

/** out = a x + b y, element by element. */
function combine(out: Matrix, [a, x]: readonly [number, Matrix], [b, y]: readonly [number, Matrix]): void {
  const length = out.rows * out.columns;
  for (let i = 0; i < length; i++) out.values[i] = a * (x.values[i] as number) + b * (y.values[i] as number);
}

/** Columns of a matrix become rows. */
function transpose({ values, rows, columns }: Matrix, out: Float64Array): void {
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) out[j * rows + i] = values[i * columns + j] as number;
}

/** Rows become columns of a matrix. */
function writeColumns(from: Float64Array, { values, rows, columns }: Matrix): void {
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) values[i * columns + j] = from[j * rows + i] as number;
}

/** Replaces rows by combinations of them: `turned (size, size)` times `rows (size, n)`. */
function turn(rows: Float64Array, turned: Float64Array, size: number, n: number): void {
  // A piece of all rows at a time, small enough to stay in the first cache.
  const width = 64;
  const piece = new Float64Array(size * width);
  for (let from = 0; from < n; from += width) {
    const columns = Math.min(width, n - from);
    piece.fill(0);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const factor = turned[i * size + j] as number;
        for (let k = 0; k < columns; k++) {
          const at = i * width + k;
          piece[at] = (piece[at] as number) + factor * (rows[j * n + from + k] as number);
        }
      }
    }
    for (let i = 0; i < size; i++) rows.set(piece.subarray(i * width, i * width + columns), i * n + from);
  }
}
