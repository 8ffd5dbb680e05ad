import { type Backend, maxOutstandingPerInstance } from "./backend.ts";
import type { EndpointRoute, VariantRoute } from "./routing-table.ts";

/**
 * The variant that a request goes to: each is drawn with probability weight / sum of weights.
 * @param random - Uniform in [0, 1).
 * @returns `undefined` when every weight is zero.
 */
export function chooseVariant(route: EndpointRoute, random: number): VariantRoute | undefined {
  if (route.variants.length === 1 && route.totalWeight > 0) return route.variants[0];
  let left = random * route.totalWeight;
  for (const variant of route.variants) {
    if (variant.weight > 0 && left < variant.weight) return variant;
    left -= variant.weight;
  }
  // Rounding may leave a crumb behind the last one.
  return route.variants.findLast((variant) => variant.weight > 0);
}

/**
 * The variant of a name; of two fleets during a deployment, each is drawn with its fleet's share of traffic.
 * @param random - Uniform in [0, 1).
 */
export function chooseNamed(route: EndpointRoute, name: string, random: number): VariantRoute | undefined {
  const named = route.variants.filter((variant) => variant.name === name);
  if (named.length < 2) return named[0];
  let left = random * named.reduce((sum, { share }) => sum + share, 0);
  for (const variant of named) {
    if (left < variant.share) return variant;
    left -= variant.share;
  }
  return named.at(-1);
}

/**
 * The instance with the fewest requests under way, the first of equals being the one after `after`, so that idle
 * instances take turns. Instances whose ping fails are used only when no other is left.
 * @param tried - Not to be used again.
 * @returns `undefined` when there is none; `"busy"` when all have as many requests as they may have.
 */
export function chooseBackend(
  backends: readonly Backend[],
  after: number,
  tried?: Backend,
): Backend | "busy" | undefined {
  if (backends.length === 1 && tried === undefined) {
    const only = backends[0] as Backend;
    return only.outstanding >= maxOutstandingPerInstance ? "busy" : only;
  }
  let best: Backend | undefined;
  let seen = false;
  for (let i = 0; i < backends.length; i++) {
    const backend = backends[(after + i) % backends.length] as Backend;
    if (backend === tried) continue;
    seen = true;
    if (backend.outstanding >= maxOutstandingPerInstance) continue;
    if (best === undefined || isBetter(backend, best)) best = backend;
  }
  return best ?? (seen ? "busy" : undefined);
}

/**
 * An instance drawn evenly from those that are healthy and not full; from the others as `chooseBackend` has it.
 * @param random - Uniform in [0, 1).
 */
export function chooseBackendRandomly(backends: readonly Backend[], random: number): Backend | "busy" | undefined {
  const open = backends.filter(({ suspect, outstanding }) => !suspect && outstanding < maxOutstandingPerInstance);
  return open[Math.floor(random * open.length)] ?? chooseBackend(backends, 0);
}

function isBetter(a: Backend, b: Backend): boolean {
  return a.suspect === b.suspect ? a.outstanding < b.outstanding : b.suspect;
}
