import type { RecordKey, Store } from "../../store/store.ts";
import { componentOfLabel } from "../components/component.ts";
import type { HoldQueue } from "../hold/hold-queue.ts";
import { holdKey, type Waker } from "../hold/wait-for-instance.ts";
import type { EndpointName } from "../routing/routing-table.ts";
import {
  componentResource,
  type ScalableTargetValue,
  scalableTargetKey,
  variantOfResource,
  variantResource,
} from "./scalable-target.ts";
import { stopNoteOf } from "./stopped-by-hand.ts";

/**
 * Brings variants back from zero instances when a request asks for them: those that have a scalable target which may go
 * to zero. A variant that may not, and is there all the same, was stopped by hand and stays so.
 */
export function scalingWaker(store: Store, wake: (key: RecordKey) => void): Waker {
  const keyOf = (endpoint: EndpointName, variant: string): RecordKey => {
    const component = componentOfLabel(endpoint.name);
    const id = component === undefined ? variantResource(endpoint.name, variant) : componentResource(component);
    return scalableTargetKey(endpoint, id);
  };
  return {
    async wakeable(endpoint, variants) {
      const found: string[] = [];
      for (const variant of variants) {
        const target = await store.get<ScalableTargetValue>(keyOf(endpoint, variant));
        if (target === undefined || !wakesOnRequest(target.value)) continue;
        if ((await stopNoteOf(store, endpoint, variant)) === undefined) found.push(variant);
      }
      return found;
    },
    wake(endpoint, variants) {
      for (const variant of variants) wake(keyOf(endpoint, variant));
    },
  };
}

/** Whether a request that waits is a reason to scale out from zero. */
export function wakesOnRequest({ min, max, suspended }: ScalableTargetValue): boolean {
  return min === 0 && max > 0 && !suspended.out;
}

/** How many requests wait for a resource: for a variant by name, or for any of its endpoint's. */
export function heldFor(held: HoldQueue) {
  return ({ account, region }: Pick<RecordKey, "account" | "region">, resourceId: string): number => {
    const named = variantOfResource(resourceId);
    // A component's resource is named as its route is.
    if (named === undefined) return held.count(holdKey({ account, region, name: resourceId }, undefined));
    const endpoint = { account, region, name: named.endpoint };
    return held.count(holdKey(endpoint, undefined)) + held.count(holdKey(endpoint, named.variant));
  };
}
