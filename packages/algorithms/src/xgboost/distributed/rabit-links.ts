/** Who talks to whom: a binary heap for sums, and a ring through all hosts that keeps to the tree's edges where it can. */
export interface RabitLinks {
  /** Of a host: its neighbours in the tree. */
  readonly neighbours: readonly (readonly number[])[];
  /** Of a host: its parent, -1 for the root. */
  readonly parents: readonly number[];
}

/**
 * The links between `count` hosts. Ranks follow the ring, so that the host before and the one behind a host have the
 * neighbouring numbers.
 */
export function rabitLinks(count: number): RabitLinks {
  const order = ringOf(0, count);
  const rankOf: number[] = [];
  for (const [rank, node] of order.entries()) rankOf[node] = rank;
  const neighbours: number[][] = Array.from({ length: count }, () => []);
  const parents = Array.from({ length: count }, () => -1);
  for (let node = 1; node < count; node++) {
    const parent = rankOf[(node - 1) >> 1] as number;
    const rank = rankOf[node] as number;
    parents[rank] = parent;
    neighbours[rank]?.push(parent);
    neighbours[parent]?.push(rank);
  }
  return { neighbours, parents };
}

/** The nodes of a heap below `root`, so that most steps go along an edge: the last branch is walked back to front. */
function ringOf(root: number, count: number): number[] {
  const children = [2 * root + 1, 2 * root + 2].filter((child) => child < count);
  return [
    root,
    ...children.flatMap((child, i) =>
      i === children.length - 1 ? ringOf(child, count).reverse() : ringOf(child, count),
    ),
  ];
}
