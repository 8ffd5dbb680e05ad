import type { Proposer } from "./history.ts";
import { randomStream } from "./random-stream.ts";
import type { SearchSpace } from "./search-space.ts";

/** Independent draws, each from the seed and its own number: however many run at once, the same trials come. */
export function randomSearch(space: SearchSpace, seed: number): Proposer {
  return (trial) => {
    const { uniform } = randomStream(seed, trial);
    return space.decode(space.fromUnit(Float64Array.from({ length: space.dimensions }, uniform)));
  };
}
