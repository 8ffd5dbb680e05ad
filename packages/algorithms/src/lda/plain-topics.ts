import type { Counts } from "./corpus.ts";
import { strideOf } from "./stride.ts";
import type { Inference, Placed, TopicKernel, Vectors } from "./topic-kernel.ts";

const least = 1e-30;

/** Twin of topics.as.ts in plain TypeScript, and its stand-in where the kernel was not built. */
export class PlainTopics implements TopicKernel {
  vectors(lines: number, width: number): Vectors {
    const stride = strideOf(width);
    return { values: new Float32Array(lines * stride), stride };
  }

  doubles(count: number): Float64Array {
    return new Float64Array(count);
  }

  place(counts: Counts): Placed {
    return { ...counts, placed: true };
  }

  infer(documents: Placed, topics: Vectors, mixtures: Vectors, inference: Inference): void {
    const { prior, iterations, tolerance, likelihoods } = inference;
    for (let d = 0; d < documents.lines; d++) {
      const theta = rowOf(mixtures, d);
      for (let i = 0; i < iterations; i++) {
        const gathered = gather(documents, d, topics, theta);
        const next = gathered.map((value, k) => value * (theta[k] as number) + (prior.values[k] as number));
        const total = next.reduce((sum, value) => sum + value, 0);
        let change = 0;
        for (let k = 0; k < theta.length; k++) {
          const value = (next[k] as number) / total;
          change += Math.abs(value - (theta[k] as number));
          theta[k] = value;
        }
        if (change <= tolerance) break;
      }
      if (likelihoods === undefined) continue;
      likelihoods[d] = 0;
      for (let e = documents.offsets[d] as number; e < (documents.offsets[d + 1] as number); e++) {
        const probability = Math.max(dot(theta, rowOf(topics, documents.indices[e] as number)), least);
        likelihoods[d] = (likelihoods[d] as number) + (documents.counts[e] as number) * Math.log(probability);
      }
    }
  }

  collect(words: Placed, mixtures: Vectors, topics: Vectors, prior: Vectors): void {
    for (let w = 0; w < words.lines; w++) {
      const topic = rowOf(topics, w);
      const gathered = gather(words, w, mixtures, topic);
      for (let k = 0; k < topic.length; k++) {
        topic[k] = (topic[k] as number) * (gathered[k] as number) + (prior.values[0] as number);
      }
    }
  }

  multiply({ lines, offsets, indices, counts }: Placed, input: Vectors, output: Vectors): void {
    for (let i = 0; i < lines; i++) {
      const out = rowOf(output, i).fill(0);
      for (let e = offsets[i] as number; e < (offsets[i + 1] as number); e++) {
        const vector = rowOf(input, indices[e] as number);
        for (let k = 0; k < out.length; k++) {
          out[k] = (out[k] as number) + (counts[e] as number) * (vector[k] as number);
        }
      }
    }
  }

  async close(): Promise<void> {}
}

function rowOf({ values, stride }: Vectors, i: number): Float32Array {
  return values.subarray(i * stride, (i + 1) * stride);
}

/** Sum over a line's entries of count / (own . other) times other. */
function gather({ offsets, indices, counts }: Counts, line: number, others: Vectors, own: Float32Array): Float64Array {
  const sum = new Float64Array(own.length);
  for (let e = offsets[line] as number; e < (offsets[line + 1] as number); e++) {
    const other = rowOf(others, indices[e] as number);
    const factor = (counts[e] as number) / Math.max(dot(own, other), least);
    for (let k = 0; k < own.length; k++) sum[k] = (sum[k] as number) + factor * (other[k] as number);
  }
  return sum;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k] as number) * (b[k] as number);
  return sum;
}
