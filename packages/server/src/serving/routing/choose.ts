import { crc32 } from "node:zlib";
import type { Backend } from "./backend.ts";
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
    return only.isFull ? "busy" : only;
  }
  let best: Backend | undefined;
  let seen = false;
  for (let i = 0; i < backends.length; i++) {
    const backend = backends[(after + i) % backends.length] as Backend;
    if (backend === tried) continue;
    seen = true;
    if (backend.isFull) continue;
    if (best === undefined || isBetter(backend, best)) best = backend;
  }
  return best ?? (seen ? "busy" : undefined);
}

/**
 * An instance drawn evenly from those that are healthy and not full; from the others as `chooseBackend` has it.
 * @param random - Uniform in [0, 1).
 */
export function chooseBackendRandomly(backends: readonly Backend[], random: number): Backend | "busy" | undefined {
  const open = backends.filter(({ suspect, isFull }) => !suspect && !isFull);
  return open[Math.floor(random * open.length)] ?? chooseBackend(backends, 0);
}

function isBetter(a: Backend, b: Backend): boolean {
  return a.suspect === b.suspect ? a.outstanding < b.outstanding : b.suspect;
}

/** An instance that has a model is used while it has so many requests more than the least busy one. */
const patience = 8;

/**
 * The instance of a multi-model endpoint for a model: always the same one of those that are there, whoever asks, so that a model
 * is in few memories; a less busy one when that one has many requests more.
 */
export function chooseForModel(
  backends: readonly Backend[],
  model: string,
  after: number,
): Backend | "busy" | undefined {
  const least = chooseBackend(backends, after);
  if (least === undefined || least === "busy" || backends.length === 1) return least;
  let home: Backend | undefined;
  let best = -1;
  for (const backend of backends) {
    if (backend.suspect) continue;
    const rank = crc32(`${backend.runId} ${model}`);
    if (rank > best) [best, home] = [rank, backend];
  }
  return home === undefined || home.isFull || home.outstanding > least.outstanding + patience ? least : home;
}
