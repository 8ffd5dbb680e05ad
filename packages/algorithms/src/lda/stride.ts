/** Floats from one vector of a kernel to the next: the width, rounded up to a multiple of 4. */
export function strideOf(width: number): number {
  return Math.ceil(width / 4) * 4;
}
