import type { Blas } from "../numerics/blas/blas.ts";
import type { Corpus } from "./corpus.ts";
import { readEntries } from "./corpus.ts";
import type { Placed, TopicKernel, Vectors } from "./topic-kernel.ts";

/** What the second and third moments are made of; neither is ever formed over words. */
export interface Moments {
  readonly vocabulary: number;
  /** Documents of three words or more, which alone have triples. */
  readonly usable: number;
  /** Mean of the documents' word frequencies, shape (vocabulary,). */
  readonly first: Float64Array;
  /** Weight of a document's pairs: one over the number of pairs, over documents; 0 where there are no triples. */
  readonly pairWeights: Float64Array;
  readonly tripleWeights: Float64Array;
  /** Weighted counts of each word: what a word's pairs and triples with itself add up to. */
  readonly pairCounts: Float64Array;
  readonly tripleCounts: Float64Array;
}

/** Weights documents by their pairs and triples of words. */
export function momentsOf({ documents, lengths }: Corpus, vocabulary: number): Moments {
  const { lines } = documents;
  const usable = lengths.reduce((count, length) => count + (length > 2 ? 1 : 0), 0);
  const weights = (of: (length: number) => number) =>
    Float64Array.from(lengths, (length) => (length > 2 ? 1 / (of(length) * usable) : 0));
  const pairWeights = weights((n) => n * (n - 1));
  const tripleWeights = weights((n) => n * (n - 1) * (n - 2));
  const singleWeights = weights((n) => n);
  const [first, pairCounts, tripleCounts] = [0, 1, 2].map(() => new Float64Array(vocabulary)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let d = 0; d < lines; d++) {
    readEntries(documents, d, (word, count) => {
      first[word] = (first[word] as number) + count * (singleWeights[d] as number);
      pairCounts[word] = (pairCounts[word] as number) + count * (pairWeights[d] as number);
      tripleCounts[word] = (tripleCounts[word] as number) + count * (tripleWeights[d] as number);
    });
  }
  return { vocabulary, usable, first, pairWeights, tripleWeights, pairCounts, tripleCounts };
}

/** The corpus where the kernel sees it. */
export interface PlacedCorpus {
  readonly documents: Placed;
  readonly words: Placed;
}

/**
 * Multiplies the second moment with vectors of words:
 * `M2 = E[x1 x2] - alpha0 / (alpha0 + 1) E[x1] E[x1]^T`, pairs of two places in a document.
 * @param input - For each word; becomes the product.
 * @param ofDocuments - Room for each document.
 */
export function multiplySecondMoment(
  { documents, words }: PlacedCorpus,
  { first, pairWeights, pairCounts }: Moments,
  alpha0: number,
  {
    kernel,
    input,
    output,
    ofDocuments,
  }: {
    readonly kernel: TopicKernel;
    readonly input: Vectors;
    readonly output: Vectors;
    readonly ofDocuments: Vectors;
  },
): void {
  const { stride } = input;
  kernel.multiply(documents, input, ofDocuments);
  scaleLines(ofDocuments, pairWeights);
  kernel.multiply(words, ofDocuments, output);
  const along = new Float64Array(stride);
  for (let w = 0; w < first.length; w++) {
    for (let c = 0; c < stride; c++) {
      along[c] = (along[c] as number) + (first[w] as number) * (input.values[w * stride + c] as number);
    }
  }
  const share = alpha0 / (alpha0 + 1);
  for (let w = 0; w < first.length; w++) {
    const [own, mean] = [pairCounts[w] as number, share * (first[w] as number)];
    for (let c = 0; c < stride; c++) {
      const at = w * stride + c;
      const taken = own * (input.values[at] as number) + mean * (along[c] as number);
      output.values[at] = (output.values[at] as number) - taken;
    }
  }
}

/**
 * The whitened third moment, shape (r, r, r), symmetric: triples of three different places in a document, with the
 * corrections that leave `sum lambda_i v_i (x) v_i (x) v_i`.
 * @param whitening - W, a vector of r numbers for each word, so that `W^T M2 W = I`.
 * @see Anandkumar, Ge, Hsu, Kakade and Telgarsky (2014), Tensor decompositions for learning latent variable models, JMLR 15:
 * theorem 3.5.
 */
export function whitenedThirdMoment(
  { documents, words }: PlacedCorpus,
  { first, tripleWeights, tripleCounts }: Moments,
  alpha0: number,
  {
    kernel,
    blas,
    whitening,
    size,
  }: {
    readonly kernel: TopicKernel;
    readonly blas: Blas;
    readonly whitening: Vectors;
    readonly size: number;
  },
): Float64Array {
  const { stride } = whitening;
  const ofDocuments = kernel.vectors(documents.lines, size);
  kernel.multiply(documents, whitening, ofDocuments);
  const cubes = new CubeSums(blas, size);
  for (let d = 0; d < documents.lines; d++) {
    const weight = tripleWeights[d] as number;
    if (weight === 0) continue;
    const y = ofDocuments.values.subarray(d * stride, d * stride + size);
    cubes.add(y, y, (k) => weight * (y[k] as number));
  }
  const ofTriples = cubes.take();
  // Triples in which a word meets itself: a pair of the same with any, three ways, and back where all three are the same.
  scaleLines(ofDocuments, tripleWeights);
  const met = kernel.vectors(words.lines, size);
  kernel.multiply(words, ofDocuments, met);
  for (let w = 0; w < words.lines; w++) {
    const own = whitening.values.subarray(w * stride, w * stride + size);
    const thirds = (2 / 3) * (tripleCounts[w] as number);
    cubes.add(own, own, (k) => thirds * (own[k] as number) - (met.values[w * stride + k] as number));
  }
  const ofSelf = cubes.take();
  const mean = new Float64Array(size);
  for (let w = 0; w < first.length; w++) {
    for (let k = 0; k < size; k++) {
      mean[k] = (mean[k] as number) + (first[w] as number) * (whitening.values[w * stride + k] as number);
    }
  }
  const share = alpha0 / (alpha0 + 1);
  const pair = (i: number, j: number) => (i === j ? 1 : 0) + share * (mean[i] as number) * (mean[j] as number);
  const ofPairs = alpha0 / (alpha0 + 2);
  const ofMeans = (2 * alpha0 * alpha0) / ((alpha0 + 1) * (alpha0 + 2));
  const tensor = new Float64Array(size ** 3);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      for (let k = 0; k < size; k++) {
        const [mi, mj, mk] = [mean[i] as number, mean[j] as number, mean[k] as number];
        const at = (a: number, b: number, c: number) => (a * size + b) * size + c;
        tensor[at(i, j, k)] =
          (ofTriples[at(i, j, k)] as number) +
          (ofSelf[at(i, j, k)] as number) +
          (ofSelf[at(j, k, i)] as number) +
          (ofSelf[at(k, i, j)] as number) -
          ofPairs * (pair(i, j) * mk + pair(i, k) * mj + pair(j, k) * mi) +
          ofMeans * mi * mj * mk;
      }
    }
  }
  return tensor;
}

function scaleLines({ values, stride }: Vectors, weights: Float64Array): void {
  for (let i = 0; i < weights.length; i++) {
    for (let at = i * stride, end = at + stride; at < end; at++) {
      values[at] = (values[at] as number) * (weights[i] as number);
    }
  }
}

/** Memory of the outer products that are summed up at a time. */
const blockBytes = 8 * 1024 * 1024;

/** Sums of outer products of three vectors, by one matrix product for many of them. */
class CubeSums {
  readonly #blas: Blas;
  readonly #size: number;
  readonly #capacity: number;
  readonly #pairs: Float32Array;
  readonly #thirds: Float32Array;
  readonly #product: Float32Array;
  #sums: Float64Array;
  #filled = 0;

  constructor(blas: Blas, size: number) {
    this.#blas = blas;
    this.#size = size;
    this.#capacity = Math.max(16, Math.floor(blockBytes / (4 * size * size)));
    this.#pairs = blas.floats(this.#capacity * size * size);
    this.#thirds = blas.floats(this.#capacity * size);
    this.#product = blas.floats(size ** 3);
    this.#sums = new Float64Array(size ** 3);
  }

  /** Adds `third (x) a (x) b`, whose first index is that of the third. */
  add(a: Float32Array, b: Float32Array, third: (k: number) => number): void {
    const size = this.#size;
    const [pairs, thirds] = [this.#filled * size * size, this.#filled * size];
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) this.#pairs[pairs + i * size + j] = (a[i] as number) * (b[j] as number);
      this.#thirds[thirds + i] = third(i);
    }
    this.#filled++;
    if (this.#filled === this.#capacity) this.#fold();
  }

  /** What was added, and begins anew. */
  take(): Float64Array {
    this.#fold();
    const sums = this.#sums;
    this.#sums = new Float64Array(sums.length);
    return sums;
  }

  #fold(): void {
    const size = this.#size;
    if (this.#filled === 0) return;
    this.#blas.gemm(
      { values: this.#pairs, rows: this.#filled, columns: size * size, isTransposed: true },
      { values: this.#thirds, rows: this.#filled, columns: size },
      { values: this.#product, rows: size * size, columns: size },
    );
    for (let pair = 0; pair < size * size; pair++) {
      for (let third = 0; third < size; third++) {
        const at = third * size * size + pair;
        this.#sums[at] = (this.#sums[at] as number) + (this.#product[pair * size + third] as number);
      }
    }
    this.#filled = 0;
  }
}
