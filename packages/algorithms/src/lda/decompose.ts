import { setImmediate } from "node:timers/promises";
import { dot, orthonormalize } from "../numerics/eigen/vectors.ts";
import type { RandomStream } from "../numerics/random.ts";

/** A symmetric tensor as `sum values_i vectors_i (x) vectors_i (x) vectors_i`, nearly. */
export interface Decomposition {
  readonly values: Float64Array;
  /** Orthonormal rows, shape (size, size). */
  readonly vectors: Float64Array;
}

export interface DecompositionLimits {
  readonly maxRestarts: number;
  readonly maxIterations: number;
  readonly tolerance: number;
  readonly signal: AbortSignal;
}

/** Two starts that explain so nearly the same have found the same topics, and differ in what is noise. */
const same = 1e-3;

/**
 * Decomposes a whitened symmetric tensor by alternating least squares whose factors are made orthonormal in every
 * iteration, as they are known to be. The best of several random starts is kept; it is not sought further once two have found it.
 * @param tensor - Shape (size, size, size).
 * @see Sharan and Valiant (2017), Orthogonalized ALS, ICML; Kolda and Bader (2009), Tensor decompositions and
 * applications, SIAM Review 51(3), section 3.4.
 */
export async function decompose(
  tensor: Float64Array,
  size: number,
  { maxRestarts, maxIterations, tolerance, signal }: DecompositionLimits,
  random: RandomStream,
): Promise<Decomposition> {
  let best: Decomposition | undefined;
  let bestShare = Number.NEGATIVE_INFINITY;
  for (let restart = 0; restart < maxRestarts; restart++) {
    const found = fromRandomStart(tensor, size, { maxIterations, tolerance, signal }, random);
    const share = found.values.reduce((sum, value) => sum + value * value, 0);
    const isSame = Math.abs(share - bestShare) <= same * share;
    if (share > bestShare) {
      best = found;
      bestShare = share;
    }
    await setImmediate(); // a signal to stop comes in here
    if (isSame || signal.aborted) break;
  }
  return best as Decomposition; // there is one restart at least
}

function fromRandomStart(
  tensor: Float64Array,
  size: number,
  { maxIterations, tolerance, signal }: Omit<DecompositionLimits, "maxRestarts">,
  random: RandomStream,
): Decomposition {
  const draw = () => random.normal();
  let vectors: Float64Array = Float64Array.from({ length: size * size }, draw);
  orthonormalize(vectors, size, size, draw);
  let values = new Float64Array(size);
  let before = Number.NEGATIVE_INFINITY;
  for (let iteration = 0; iteration <= maxIterations && !signal.aborted; iteration++) {
    const next = contract(tensor, vectors, size);
    values = Float64Array.from({ length: size }, (_, c) => dot(rowOf(next, c, size), rowOf(vectors, c, size)));
    const share = dot(values, values);
    if (Math.abs(share - before) <= tolerance * share || iteration === maxIterations) break;
    before = share;
    orthonormalize(next, size, size, draw);
    vectors = next;
  }
  return { values, vectors };
}

function rowOf(matrix: Float64Array, row: number, size: number): Float64Array {
  return matrix.subarray(row * size, (row + 1) * size);
}

/** Rows `T(I, v, v)` of all vectors v: the least-squares update of a factor where the others are orthonormal. */
function contract(tensor: Float64Array, vectors: Float64Array, size: number): Float64Array {
  const result = new Float64Array(size * size);
  for (let c = 0; c < size; c++) {
    const v = rowOf(vectors, c, size);
    const row = rowOf(result, c, size);
    // The matrix T(I, I, v) is symmetric: what is right of its diagonal counts twice.
    for (let i = 0; i < size; i++) {
      const vi = v[i] as number;
      for (let j = i; j < size; j++) {
        const from = (i * size + j) * size;
        let inner = 0;
        for (let k = 0; k < size; k++) inner += (tensor[from + k] as number) * (v[k] as number);
        row[i] = (row[i] as number) + inner * (v[j] as number);
        if (j > i) row[j] = (row[j] as number) + inner * vi;
      }
    }
  }
  return result;
}
