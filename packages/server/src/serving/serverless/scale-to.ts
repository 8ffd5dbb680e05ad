import { type Store, WriteConflict } from "../../store/store.ts";
import { type EndpointValue, fleetOf, type Variant } from "../fleet.ts";
import type { EndpointName } from "../routing/routing-table.ts";

/**
 * Asks for so many environments of the serverless variant that serves. The endpoint stays in the status that it has:
 * it takes requests all the time. Nothing happens when it is gone, or was stopped meanwhile.
 */
export async function scaleTo(
  store: Store,
  { account, region, name }: EndpointName,
  variantName: string,
  wanted: number,
): Promise<void> {
  const key = { account, region, kind: "endpoint", name };
  for (;;) {
    const record = await store.get<EndpointValue>(key);
    const active = record && fleetOf(record.value, "active");
    const variant = active?.variants.find((each) => each.name === variantName);
    if (record === undefined || active === undefined || variant?.serverless === undefined) return;
    if (record.status === "Deleting" || variant.desiredInstanceCount === wanted) return;
    if (variant.serverless.isStopped && wanted > 0) return;
    const variants = active.variants.map((each) => (each === variant ? scaled(variant, wanted) : each));
    const fleets = record.value.fleets.map((fleet) => (fleet === active ? { ...active, variants } : fleet));
    const { version, status } = record;
    try {
      const value: EndpointValue = { ...record.value, fleets };
      await store.write([{ op: "update", key, version, value, ...(status !== undefined && { status }) }]);
      return;
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
}

function scaled(variant: Variant, desiredInstanceCount: number): Variant {
  // A cold start does not wait for what broke before the last one ended.
  const { crashes, ...kept } = variant;
  const isCold = variant.desiredInstanceCount === 0;
  return { ...kept, ...(crashes !== undefined && !isCold && { crashes }), desiredInstanceCount };
}
