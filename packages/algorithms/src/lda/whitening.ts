import { symmetricEigen } from "../numerics/eigen/symmetric-eigen.ts";
import { dot, orthonormalize } from "../numerics/eigen/vectors.ts";
import type { RandomStream } from "../numerics/random.ts";
import { type Moments, multiplySecondMoment, type PlacedCorpus } from "./moments.ts";
import type { TopicKernel, Vectors } from "./topic-kernel.ts";

/** Multiplications with the second moment: the topics' directions stand out by far from sampling noise. */
const iterations = 6;
/** Vectors beyond those wanted. */
const spare = 10;
/** Smaller eigenvalues, over the largest, are noise: dividing by their root would blow it up. */
const smallest = 1e-6;

/** The directions in which words of different topics differ, out of the second moment. */
export interface Whitening {
  /** Eigenvalues, the largest first, all positive. */
  readonly values: Float64Array;
  /** Eigenvectors as rows, shape (values.length, vocabulary). */
  readonly vectors: Float64Array;
}

/** Width of the vectors that `whiten` works with. */
export function whiteningWidth(wanted: number, vocabulary: number): number {
  return Math.min(vocabulary, wanted + spare);
}

/**
 * The largest eigenvalues of the second moment, by subspace iteration (Halko, Martinsson and Tropp 2011).
 * @returns As many as are wanted, or fewer where the corpus has no more directions.
 */
export function whiten(
  corpus: PlacedCorpus,
  moments: Moments,
  alpha0: number,
  { kernel, wanted, random }: { readonly kernel: TopicKernel; readonly wanted: number; readonly random: RandomStream },
): Whitening {
  const { vocabulary } = moments;
  const size = whiteningWidth(wanted, vocabulary);
  const draw = () => random.normal();
  const basis = Float64Array.from({ length: size * vocabulary }, draw);
  const input = kernel.vectors(vocabulary, size);
  const output = kernel.vectors(vocabulary, size);
  const ofDocuments = kernel.vectors(corpus.documents.lines, size);
  for (let i = 0; ; i++) {
    orthonormalize(basis, size, vocabulary, draw);
    writeColumns(basis, size, input);
    multiplySecondMoment(corpus, moments, alpha0, { kernel, input, output, ofDocuments });
    const products = readColumns(output, size, vocabulary);
    if (i === iterations) return best(basis, products, size, wanted, vocabulary);
    basis.set(products);
  }
}

/** Rayleigh and Ritz: the best eigenvectors within the span of the basis. */
function best(
  basis: Float64Array,
  products: Float64Array,
  size: number,
  wanted: number,
  vocabulary: number,
): Whitening {
  const row = (matrix: Float64Array, i: number) => matrix.subarray(i * vocabulary, (i + 1) * vocabulary);
  const core = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const value = dot(row(basis, i), row(products, j)) / 2;
      core[i * size + j] = (core[i * size + j] as number) + value;
      core[j * size + i] = (core[j * size + i] as number) + value;
    }
  }
  const { values, vectors } = symmetricEigen(core, size);
  const largest = values[0] as number;
  const count = values.subarray(0, wanted).filter((value) => value > smallest * largest && value > 0).length;
  const turned = new Float64Array(count * vocabulary);
  for (let c = 0; c < count; c++) {
    const out = row(turned, c);
    for (let i = 0; i < size; i++) {
      const factor = vectors[c * size + i] as number;
      const from = row(basis, i);
      for (let w = 0; w < vocabulary; w++) out[w] = (out[w] as number) + factor * (from[w] as number);
    }
  }
  return { values: values.slice(0, count), vectors: turned };
}

/** Rows become columns of vectors. */
export function writeColumns(rows: Float64Array, count: number, { values, stride }: Vectors): void {
  const length = rows.length / count;
  for (let i = 0; i < length; i++) {
    for (let c = 0; c < count; c++) values[i * stride + c] = rows[c * length + i] as number;
  }
}

function readColumns({ values, stride }: Vectors, count: number, length: number): Float64Array {
  const rows = new Float64Array(count * length);
  for (let i = 0; i < length; i++) {
    for (let c = 0; c < count; c++) rows[c * length + i] = values[i * stride + c] as number;
  }
  return rows;
}
