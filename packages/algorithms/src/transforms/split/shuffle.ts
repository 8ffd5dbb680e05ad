import type { RandomStream } from "../../numerics/random.ts";

/** 0 to `count - 1`, in order. */
export function range(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i);
}

/** Puts values in random order, in place (Fisher and Yates; Durstenfeld 1964). @returns The same array. */
export function shuffle<T extends Uint32Array | Int32Array>(values: T, random: RandomStream): T {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    const kept = values[i] as number;
    values[i] = values[j] as number;
    values[j] = kept;
  }
  return values;
}
