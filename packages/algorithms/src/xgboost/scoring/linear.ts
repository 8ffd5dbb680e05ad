import { ModelFileError } from "./errors.ts";
import type { Numbers } from "./format/document.ts";

/** Dense rows and the shape of a linear model. */
interface LinearOrder {
  /** Shape (count, width); NaN is missing, and so is what a row leaves out at its end. */
  readonly values: Float32Array;
  readonly width: number;
  readonly count: number;
  /** Shape (count, outputs); written over. */
  readonly sums: Float32Array;
  readonly outputs: number;
  /** What every sum begins with. */
  readonly base: number;
}

/** Shape (features + 1, outputs), the last row being the biases; of a model without weights the biases alone. @throws ModelFileError for another number of weights. */
export function linearWeights(weights: Numbers, features: number, outputs: number): Float32Array {
  const expected = (features + 1) * outputs;
  // A model that was never trained has none, and they count as 0.
  if (weights.length === 0) return new Float32Array(outputs);
  if (weights.length === expected) return Float32Array.from(weights);
  throw new ModelFileError(
    `weights has ${weights.length} elements where ${features} features and a bias for ${outputs} outputs make ${expected}`,
  );
}

/** Sums of a linear model, rounded after every feature as the library rounds them. */
export function sumLinear(weights: Float32Array, { values, width, count, sums, outputs, base }: LinearOrder): void {
  const bias = weights.length - outputs;
  const used = Math.min(width, bias / outputs);
  for (let row = 0; row < count; row++) {
    for (let output = 0; output < outputs; output++) {
      let sum = Math.fround((weights[bias + output] as number) + base);
      for (let feature = 0; feature < used; feature++) {
        const value = values[row * width + feature] as number;
        if (value !== value) continue;
        sum = Math.fround(sum + Math.fround(value * (weights[feature * outputs + output] as number)));
      }
      sums[row * outputs + output] = sum;
    }
  }
}
