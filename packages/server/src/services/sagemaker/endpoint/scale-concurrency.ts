import { type EndpointValue, fleetOf, type Variant } from "../../../serving/fleet.ts";
import { variantOfResource } from "../../../serving/scaling/scalable-target.ts";
import type { RecordKey } from "../../../store/store.ts";
import type { ScalableResource } from "../../application-autoscaling/scalable-resource.ts";
import { checkConcurrency } from "../endpoint-config/serverless-config.ts";

/** Provisioned concurrency of serverless variants, as Application Auto Scaling sees it. */
export const variantConcurrency: ScalableResource = {
  noun: "provisioned concurrency",
  async read(store, { account, region }, resourceId) {
    const named = variantOfResource(resourceId);
    if (named === undefined) return undefined;
    const key: RecordKey = { account, region, kind: "endpoint", name: named.endpoint };
    const record = await store.get<EndpointValue>(key);
    if (record === undefined || record.status === "Deleting") return undefined;
    const { value, version, status } = record;
    const serving = fleetOf(value, "active") ?? fleetOf(value, "incoming");
    const variant = serving?.variants.find(({ name }) => name === named.variant);
    if (serving === undefined || variant === undefined) return undefined;
    const { serverless } = variant;
    const desired = serverless?.provisioned ?? 0;
    const ready = variant.instances.filter(({ phase }) => phase === "ready").length;
    const isServing = status === "InService" || status === "Updating";
    const isAlone = serving.role === "active" && fleetOf(value, "incoming") === undefined;
    return {
      incarnation: value.runPrefix,
      desired,
      // Environments beyond these are there for the requests of the moment.
      current: Math.min(ready, desired),
      isSettled: status === "InService" && ready >= desired,
      isBusy: serverless?.isStopped === true || !isAlone || !isServing,
      ...(status === "InService" && value.failureReason !== undefined && { failure: value.failureReason }),
      ...(desired === 0 && {
        refusal: `Variant ${named.variant} of endpoint ${named.endpoint} has no ProvisionedConcurrency that could be scaled.`,
      }),
      change: (provisioned) => {
        if (serverless === undefined) return [];
        checkConcurrency(serverless.maxConcurrency, provisioned);
        const { crashes: _over, ...kept } = variant;
        const changed: Variant = {
          ...kept,
          serverless: { ...serverless, provisioned },
          desiredInstanceCount: Math.max(variant.desiredInstanceCount, provisioned),
        };
        const variants = serving.variants.map((each) => (each.name === variant.name ? changed : each));
        const { failureReason: _outdated, ...rest } = value;
        const fleets = value.fleets.map((fleet) => (fleet.id === serving.id ? { ...fleet, variants } : fleet));
        return [{ op: "update", key, version, value: { ...rest, fleets }, status: "Updating" }];
      },
    };
  },
};
