import type { RandomStream } from "../numerics/random.ts";
import { type NetworkShape, strideOf } from "./network.ts";

/**
 * Draws the encoder's first weights so that each layer's values have about the size of the one before.
 * @see He et al. (2015), Delving deep into rectifiers, ICCV: variance 2 / inputs after a rectifier; 1 / 32 for the bits.
 */
export function initialise(weights: Float32Array, { vectorDim, layers }: NetworkShape, random: RandomStream): void {
  const stride = strideOf(vectorDim);
  const fill = (row: number, scale: number) => {
    for (let j = 0; j < vectorDim; j++) weights[row * stride + j] = scale * random.normal();
  };
  for (let bit = 0; bit < 32; bit++) fill(bit, Math.sqrt(1 / 32));
  for (let layer = 0; layer < layers; layer++) {
    const first = 33 + layer * (stride + 1);
    for (let input = 0; input < vectorDim; input++) fill(first + input, Math.sqrt(2 / vectorDim));
  }
}
