/** Decays of Adam's moments (Kingma and Ba 2015); the kernel has them too. */
export const beta1 = 0.9;
export const beta2 = 0.999;

/** What the step of a mini-batch is multiplied by, since moments begin at zero; `step` counts from 1. */
export function correctionOf(step: number): number {
  return Math.sqrt(1 - beta2 ** step) / (1 - beta1 ** step);
}
