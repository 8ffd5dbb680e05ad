import type { Backend } from "../routing/backend.ts";
import type { EndpointRoute } from "../routing/routing-table.ts";

/** Room for one request. */
export interface Slot {
  readonly variant: string;
  readonly backend: Backend;
}

/**
 * The instance with the fewest asynchronous requests among those with room for one more, of a variant drawn by weight. One
 * whose ping fails gets none: requests can wait.
 * @param most - Requests in one instance at once.
 * @param busy - Requests in each instance, by run id.
 */
export function freeSlot(route: EndpointRoute, most: number, busy: ReadonlyMap<string, number>): Slot | undefined {
  const open = route.variants.flatMap(({ name, weight, isStopped, backends }) => {
    const free = backends.filter(({ runId, suspect }) => !suspect && (busy.get(runId) ?? 0) < most);
    return isStopped || free.length === 0 ? [] : [{ name, weight, free }];
  });
  const total = open.reduce((sum, { weight }) => sum + weight, 0);
  let left = Math.random() * total;
  const chosen = open.find(({ weight }) => (left -= weight) < 0) ?? open[0];
  if (chosen === undefined) return undefined;
  const [first, ...others] = chosen.free;
  const least = others.reduce(
    (best, each) => ((busy.get(each.runId) ?? 0) < (busy.get(best.runId) ?? 0) ? each : best),
    first as Backend,
  );
  return { variant: chosen.name, backend: least };
}
