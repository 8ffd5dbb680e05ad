import type { Fleet, Variant } from "./fleet.ts";

/** How an endpoint goes from one configuration to the next, and how far it is. Part of the endpoint's record. */
export interface Deployment {
  /** `blue-green` has the whole new fleet up before traffic moves; `rolling` replaces instances batch by batch. */
  readonly kind: "blue-green" | "rolling";
  /** Share of traffic (and of instances, where rolling) on the new fleet after each step: rising, the last one is 1. */
  readonly shares: readonly number[];
  /** Baking after each step but the last, in milliseconds. */
  readonly waitMs: number;
  /** Baking after the last step, before the old fleet goes. */
  readonly terminationWaitMs: number;
  /** The whole deployment may take so long; for ever where absent. */
  readonly maximumMs?: number;
  /** Names of alarms that end it. */
  readonly alarms: readonly string[];
  /** Steps whose share of traffic is on the new fleet. */
  readonly taken: number;
  /** When the last of them was taken, milliseconds since 1970. */
  readonly since: number;
  /** Why traffic goes back to the old fleet, once it does. */
  readonly rollingBack?: string;
}

/** Everything at once, as soon as the new fleet is up. */
export const allAtOnce: Deployment = {
  kind: "blue-green",
  shares: [1],
  waitMs: 0,
  terminationWaitMs: 0,
  alarms: [],
  taken: 0,
  since: 0,
};

/** The new fleet's share of traffic now. */
export function shareOf({ shares, taken }: Deployment): number {
  return taken === 0 ? 0 : (shares[taken - 1] ?? 1);
}

/** How long the step that was taken last bakes. */
export function bakingMs({ shares, taken, waitMs, terminationWaitMs }: Deployment): number {
  if (taken === 0) return 0;
  return taken === shares.length ? terminationWaitMs : waitMs;
}

/**
 * How many instances of a variant there should be at this point of a deployment.
 *
 * Rolling: when a step has baked, the old fleet lets as many instances go as the new one has taken over for, so that
 * capacity never falls below what it was; when those are gone, the new one gets what the next step wants.
 *
 * @param isLeaving - Instances of the old fleet are on their way out.
 */
export function wantedInstances(
  { role }: Pick<Fleet, "role">,
  { desiredInstanceCount }: Pick<Variant, "desiredInstanceCount">,
  deployment: Deployment | undefined,
  now: number,
  isLeaving: boolean,
): number {
  if (role === "outgoing") return 0;
  if (deployment === undefined || deployment.kind === "blue-green") return desiredInstanceCount;
  const { shares, taken, rollingBack } = deployment;
  const hasBaked = now - deployment.since >= bakingMs(deployment);
  if (role === "incoming") {
    const next = rollingBack === undefined && hasBaked && !isLeaving ? taken + 1 : taken;
    return countOf(desiredInstanceCount, shares[Math.min(next, shares.length) - 1] ?? 0);
  }
  if (rollingBack !== undefined) return desiredInstanceCount;
  const baked = hasBaked ? taken : taken - 1;
  return desiredInstanceCount - countOf(desiredInstanceCount, baked > 0 ? (shares[baked - 1] ?? 0) : 0);
}

/** Every started share of an instance is an instance. */
function countOf(instances: number, share: number): number {
  // 0.3 * 10 is a little more than 3.
  return Math.ceil(instances * share - 1e-9);
}
