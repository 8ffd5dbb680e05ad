/** Reproducible random numbers. */
export interface RandomStream {
  /** Uniform in [0, 1), 32 bits of resolution. */
  uniform(): number;
  /** Standard normal (Box and Muller). */
  normal(): number;
}

/**
 * Starts the stream of some integers, such as a seed and the number of a trial: equal ones give equal streams on every
 * machine, and streams of different ones have nothing to do with each other. A counter run through a strong mixing
 * function of 32 bits (Stafford's thirteenth variant of MurmurHash3's finaliser).
 */
export function randomStream(...keys: readonly number[]): RandomStream {
  let state = keys.reduce((hash, key) => mix(mix(hash ^ (key >>> 0)) + Math.floor(key / 2 ** 32)), 0x9e3779b9);
  const uniform = () => {
    state = (state + 0x9e3779b9) >>> 0;
    return mix(state) / 2 ** 32;
  };
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

function mix(value: number): number {
  let z = value >>> 0;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return (z ^ (z >>> 16)) >>> 0;
}
