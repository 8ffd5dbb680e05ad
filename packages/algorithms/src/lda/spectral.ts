import type { Blas } from "../numerics/blas/blas.ts";
import type { RandomStream } from "../numerics/random.ts";
import { type DecompositionLimits, decompose } from "./decompose.ts";
import { type Moments, type PlacedCorpus, whitenedThirdMoment } from "./moments.ts";
import type { TopicKernel } from "./topic-kernel.ts";
import { type Whitening, whiten, writeColumns } from "./whitening.ts";

export interface SpectralOptions {
  readonly kernel: TopicKernel;
  readonly blas: Blas;
  readonly alpha0: number;
  /** Topics that are looked for. */
  readonly wanted: number;
  readonly limits: DecompositionLimits;
  readonly random: RandomStream;
}

/**
 * Finds topics in the moments of a corpus: whitens the second, decomposes the third, and goes back to words.
 * @returns Probabilities of words, shape (topics, vocabulary): as many topics as are wanted, or fewer where the corpus has no
 * more directions.
 */
export async function spectralTopics(
  corpus: PlacedCorpus,
  moments: Moments,
  options: SpectralOptions,
): Promise<Float64Array> {
  const { kernel, blas, alpha0, wanted, limits, random } = options;
  const whitening = whiten(corpus, moments, alpha0, { kernel, wanted, random });
  const size = whitening.values.length;
  if (size === 0) return new Float64Array(0);
  const vectors = kernel.vectors(moments.vocabulary, size);
  const { vocabulary } = moments;
  const scaled = whitening.vectors.map(
    (value, at) => value / Math.sqrt(whitening.values[Math.floor(at / vocabulary)] as number),
  );
  writeColumns(scaled, size, vectors);
  const tensor = whitenedThirdMoment(corpus, moments, alpha0, { kernel, blas, whitening: vectors, size });
  const { values, vectors: found } = await decompose(tensor, size, limits, random);
  return unwhiten(whitening, values, found, moments);
}

/** Topics in words: `U Lambda^(1/2) v`, what is below zero cut off, made to add up to 1. */
function unwhiten(
  { values, vectors }: Whitening,
  strengths: Float64Array,
  found: Float64Array,
  { first, vocabulary }: Moments,
): Float64Array {
  const size = values.length;
  const topics = new Float64Array(size * vocabulary);
  for (let c = 0; c < size; c++) {
    const topic = topics.subarray(c * vocabulary, (c + 1) * vocabulary);
    // A component of a cube has the sign of its value; v (x) v (x) v times -1 is that of -v.
    const sign = (strengths[c] as number) < 0 ? -1 : 1;
    for (let i = 0; i < size; i++) {
      const factor = sign * (found[c * size + i] as number) * Math.sqrt(values[i] as number);
      for (let w = 0; w < vocabulary; w++) {
        topic[w] = (topic[w] as number) + factor * (vectors[i * vocabulary + w] as number);
      }
    }
    let sum = 0;
    for (const value of topic) sum += Math.max(0, value);
    for (let w = 0; w < vocabulary; w++) {
      topic[w] = sum > 0 ? Math.max(0, topic[w] as number) / sum : (first[w] as number);
    }
  }
  return topics;
}
