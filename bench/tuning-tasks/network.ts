import type { Parameter, Values } from "../../packages/server/src/tuning/index.ts";
import { randomStream } from "../../packages/server/src/tuning/random-stream.ts";
import type { Table } from "./epoch-tasks.ts";

const hidden = 12;

/** What is varied of a network. */
export const networkParameters: readonly Parameter[] = [
  { name: "rate", kind: "continuous", min: 1e-4, max: 1, scaling: "Logarithmic" },
  { name: "momentum", kind: "continuous", min: 0, max: 0.99, scaling: "Linear" },
  { name: "decay", kind: "continuous", min: 1e-7, max: 1e-1, scaling: "Logarithmic" },
  { name: "scale", kind: "continuous", min: 0.01, max: 3, scaling: "Logarithmic" },
];

/** Stochastic gradient descent on squared errors of a network with one hidden layer; every third row is held out. One held-out loss an epoch. */
export function* trainNetwork({ inputs, outputs }: Table, values: Values): Generator<number> {
  const [rate = 0, momentum = 0, decay = 0, scale = 0] = ["rate", "momentum", "decay", "scale"].map((name) =>
    Number(values[name]),
  );
  const { normal } = randomStream(7);
  const [d, k] = [inputs[0]?.length ?? 0, outputs[0]?.length ?? 0];
  const first = layer(d + 1, hidden, () => (scale * normal()) / Math.sqrt(d));
  const second = layer(hidden + 1, k, () => (scale * normal()) / Math.sqrt(hidden));
  const how = { rate, momentum, decay };
  for (;;) {
    for (let row = 0; row < inputs.length; row++) {
      if (row % 3 === 0) continue;
      const x = inputs[row] as readonly number[];
      errorsOf(first, second, x, outputs[row] as readonly number[]);
      backwards(first, second);
      step(second, first.answers, how);
      step(first, x, how);
    }
    let loss = 0;
    let held = 0;
    for (let row = 0; row < inputs.length; row += 3, held++) {
      errorsOf(first, second, inputs[row] as readonly number[], outputs[row] as readonly number[]);
      for (const error of second.errors) loss += error ** 2;
    }
    // A diverged network has no loss worth a number; it is as bad as any.
    yield Number.isFinite(loss) ? Math.min(loss / held, 1e6) : 1e6;
  }
}

/** Buffers are kept: nearly all the time of the bench goes here. */
interface Layer {
  readonly width: number;
  readonly weights: Float64Array;
  readonly speed: Float64Array;
  readonly answers: Float64Array;
  readonly errors: Float64Array;
}

function layer(width: number, count: number, draw: () => number): Layer {
  const weights = Float64Array.from({ length: width * count }, draw);
  return {
    ...{ width, weights, speed: new Float64Array(width * count) },
    ...{ answers: new Float64Array(count), errors: new Float64Array(count) },
  };
}

function forward({ width, weights, answers }: Layer, x: ArrayLike<number>): void {
  for (let unit = 0; unit < answers.length; unit++) {
    let sum = weights[unit * width + width - 1] as number;
    for (let index = 0; index < width - 1; index++)
      sum += (weights[unit * width + index] as number) * (x[index] as number);
    answers[unit] = sum;
  }
}

/** Asks the network of a row, and leaves in its last layer how far off it is. */
function errorsOf(first: Layer, second: Layer, x: ArrayLike<number>, y: ArrayLike<number>): void {
  forward(first, x);
  for (let unit = 0; unit < hidden; unit++) first.answers[unit] = Math.tanh(first.answers[unit] as number);
  forward(second, first.answers);
  for (let unit = 0; unit < second.errors.length; unit++)
    second.errors[unit] = (second.answers[unit] as number) - (y[unit] as number);
}

function backwards(first: Layer, second: Layer): void {
  for (let unit = 0; unit < hidden; unit++) {
    let sum = 0;
    for (let at = 0; at < second.errors.length; at++)
      sum += (second.errors[at] as number) * (second.weights[at * (hidden + 1) + unit] as number);
    first.errors[unit] = (1 - (first.answers[unit] as number) ** 2) * sum;
  }
}

function step(
  { width, weights, speed, errors }: Layer,
  x: ArrayLike<number>,
  { rate, momentum, decay }: { readonly rate: number; readonly momentum: number; readonly decay: number },
): void {
  for (let unit = 0; unit < errors.length; unit++) {
    const error = errors[unit] as number;
    for (let index = 0; index < width; index++) {
      const at = unit * width + index;
      const gradient = error * (index === width - 1 ? 1 : (x[index] as number)) + decay * (weights[at] as number);
      speed[at] = momentum * (speed[at] as number) - rate * gradient;
      weights[at] = (weights[at] as number) + (speed[at] as number);
    }
  }
}
