import type { Step } from "./network.ts";

/** Adam's constants. */
export const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/**
 * What a step of Adam multiplies its moments with, as both are zero at first.
 * @returns `rate`, of the first moment; `correction`, of the square root of the second.
 * @see Kingma and Ba (2015), Adam: a method for stochastic optimization, ICLR, section 3.
 */
export function correctionsOf({ rate, step }: Step): { readonly rate: number; readonly correction: number } {
  return { rate: rate / (1 - adam.beta1 ** step), correction: 1 / Math.sqrt(1 - adam.beta2 ** step) };
}
