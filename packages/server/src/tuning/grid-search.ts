import type { Proposer } from "./history.ts";
import type { SearchSpace } from "./search-space.ts";

/** Every combination of categorical values once; the last parameter changes fastest. */
export function gridSearch(space: SearchSpace): Proposer {
  return (trial) => {
    let rest = trial - 1;
    if (rest >= space.size) return undefined;
    const point = new Float64Array(space.dimensions);
    for (let index = space.dimensions - 1; index >= 0; index--) {
      const count = space.choices(index);
      point[index] = rest % count;
      rest = Math.floor(rest / count);
    }
    return space.decode(point);
  };
}
