/** log2(mass + 1) of every mass up to that of a whole tree. */
export function logarithms(samples: number): Float64Array {
  return Float64Array.from({ length: samples + 1 }, (_, mass) => Math.log2(mass + 1));
}
