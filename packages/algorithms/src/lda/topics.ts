import type { LdaModel } from "./artifact.ts";
import type { TopicKernel, Vectors } from "./topic-kernel.ts";

/** How long a mixture is improved: until it stands still, or nearly. */
export const settled = { iterations: 200, tolerance: 1e-5 } as const;

/** A model's topics where the kernel sees them: for each word its probability in every topic. */
export function placeTopics(
  kernel: TopicKernel,
  { alpha, beta, vocabulary }: Pick<LdaModel, "alpha" | "beta" | "vocabulary">,
): Vectors {
  const topics = kernel.vectors(vocabulary, alpha.length);
  writeTopics(beta, alpha.length, topics);
  return topics;
}

/** Writes rows of topics, shape (count, vocabulary), for each word. */
export function writeTopics(beta: Float32Array | Float64Array, count: number, { values, stride }: Vectors): void {
  const vocabulary = beta.length / count;
  for (let w = 0; w < vocabulary; w++) {
    for (let k = 0; k < count; k++) values[w * stride + k] = beta[k * vocabulary + w] as number;
  }
}

/** Makes each topic add up to 1. */
export function normalizeTopics({ values, stride }: Vectors, count: number): void {
  const sums = new Float64Array(stride);
  for (let at = 0; at < values.length; at += stride) {
    for (let k = 0; k < count; k++) sums[k] = (sums[k] as number) + (values[at + k] as number);
  }
  for (let at = 0; at < values.length; at += stride) {
    for (let k = 0; k < count; k++) values[at + k] = (values[at + k] as number) / (sums[k] as number);
    values.fill(0, at + count, at + stride);
  }
}

/** Topics as rows, shape (count, vocabulary). */
export function readTopics({ values, stride }: Vectors, count: number): Float32Array {
  const vocabulary = values.length / stride;
  const beta = new Float32Array(count * vocabulary);
  for (let w = 0; w < vocabulary; w++) {
    for (let k = 0; k < count; k++) beta[k * vocabulary + w] = values[w * stride + k] as number;
  }
  return beta;
}
