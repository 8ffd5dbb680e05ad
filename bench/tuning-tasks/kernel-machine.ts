import type { Parameter, Values } from "../../packages/server/src/tuning/index.ts";
import { randomStream } from "../../packages/server/src/tuning/random-stream.ts";
import type { Table } from "./epoch-tasks.ts";

/** What is varied of a kernel machine: its Gaussian kernel's width, how many features stand for it, and how it learns. */
export const kernelParameters: readonly Parameter[] = [
  { name: "width", kind: "continuous", min: 0.1, max: 100, scaling: "Logarithmic" },
  { name: "features", kind: "integer", min: 8, max: 256, scaling: "Logarithmic" },
  { name: "rate", kind: "continuous", min: 0.01, max: 1, scaling: "Logarithmic" },
  { name: "decay", kind: "continuous", min: 1e-7, max: 1e-1, scaling: "Logarithmic" },
];

/**
 * Stochastic gradient descent on squared errors of a linear model over random features of a Gaussian kernel (Rahimi and Recht
 * 2007); every third row is held out. One held-out loss an epoch.
 */
export function* trainKernelMachine({ inputs, outputs }: Table, values: Values): Generator<number> {
  const [width = 1, features = 8, rate = 0, decay = 0] = kernelParameters.map(({ name }) => Number(values[name]));
  const mapped = randomFeatures(inputs, features, width);
  const models = Array.from({ length: outputs[0]?.length ?? 0 }, () => new Float64Array(features));
  for (;;) {
    let loss = 0;
    for (const [row, x] of mapped.entries()) {
      if (row % 3 === 0) continue;
      for (const [at, model] of models.entries()) {
        const error = ((outputs[row] as readonly number[])[at] as number) - dot(model, x);
        for (let index = 0; index < features; index++) {
          model[index] = (model[index] as number) * (1 - decay) + rate * error * (x[index] as number);
        }
      }
    }
    for (let row = 0; row < mapped.length; row += 3) {
      for (const [at, model] of models.entries()) {
        const error = ((outputs[row] as readonly number[])[at] as number) - dot(model, mapped[row] as Float64Array);
        loss += error ** 2;
      }
    }
    yield loss / Math.ceil(mapped.length / 3);
  }
}

/** Each row as cosines of random projections, whose inner products are about the kernel's. */
function randomFeatures(inputs: Table["inputs"], count: number, width: number): Float64Array[] {
  const { normal, uniform } = randomStream(7);
  const waves = Array.from({ length: count }, () => ({
    frequencies: Float64Array.from(inputs[0] ?? [], () => normal() / width),
    phase: 2 * Math.PI * uniform(),
  }));
  return inputs.map((row) =>
    Float64Array.from(waves, ({ frequencies, phase }) => {
      return Math.cos(phase + dot(frequencies, row)) * Math.sqrt(2 / count);
    }),
  );
}

function dot(a: Float64Array, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] as number) * (b[index] as number);
  return sum;
}
