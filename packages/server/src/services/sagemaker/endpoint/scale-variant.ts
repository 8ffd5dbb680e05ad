import { validationException } from "../../../errors.ts";
import { type EndpointValue, type Fleet, fleetOf, type Variant } from "../../../serving/fleet.ts";
import { type ScalableTargetValue, variantOfResource } from "../../../serving/scaling/scalable-target.ts";
import { stopNoteOf } from "../../../serving/scaling/stopped-by-hand.ts";
import type { RecordKey } from "../../../store/store.ts";
import type { ScalableResource } from "../../application-autoscaling/scalable-resource.ts";
import type { OperationPlace } from "../../service.ts";
import { checkInstanceCount } from "./fleet-of-config.ts";

/** Instance types whose processor time is credit that scaling would misjudge. */
const burstable = /^ml\.t2\./u;

/** Instance counts of the variants that serve, as Application Auto Scaling sees them. */
export const variantInstances: ScalableResource = {
  noun: "instance count",
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
    const ready = variant.instances.filter(({ phase }) => phase === "ready").length;
    const current = variant.hostsComponents ? variant.desiredInstanceCount : ready;
    // A change of counts may be changed again before it is through: nothing else moves meanwhile.
    const { managed } = variant;
    const note = await stopNoteOf(store, { account, region, name: named.endpoint }, named.variant);
    const isStopped = variant.desiredInstanceCount === 0 && note !== undefined;
    const isBusy =
      isStopped || serving.role !== "active" || fleetOf(value, "incoming") !== undefined || !isServing(status);
    return {
      incarnation: value.runPrefix,
      desired: variant.desiredInstanceCount,
      current,
      isSettled: status === "InService" && current === variant.desiredInstanceCount,
      isBusy,
      ...(status === "InService" && value.failureReason !== undefined && { failure: value.failureReason }),
      ...(managed && {
        refusal: `Variant ${named.variant} of endpoint ${named.endpoint} has ManagedInstanceScaling, which decides its instance count.`,
      }),
      ...(variant.serverless !== undefined && {
        refusal: `Variant ${named.variant} of endpoint ${named.endpoint} is serverless: its requests decide how many environments it has. Scale sagemaker:variant:DesiredProvisionedConcurrency.`,
      }),
      ...(burstable.test(variant.instanceType) && {
        refusal: `Variant ${named.variant} of endpoint ${named.endpoint} has instances of type ${variant.instanceType}, which automatic scaling does not support.`,
      }),
      change: (desiredInstanceCount) => {
        const { crashes: _over, ...kept } = variant;
        const changed: Variant = { ...kept, desiredInstanceCount };
        const variants = serving.variants.map((each) => (each.name === variant.name ? changed : each));
        checkInstanceCount(`Endpoint ${named.endpoint}`, variants);
        const { failureReason: _outdated, ...rest } = value;
        const fleets = value.fleets.map((fleet) => (fleet.id === serving.id ? { ...fleet, variants } : fleet));
        return [
          { op: "update", key, version, value: { ...rest, fleets }, status: "Updating" },
          // Scaled to zero it is not stopped, whatever is noted of an earlier stop.
          ...(desiredInstanceCount === 0 && note !== undefined ? [note.drop] : []),
        ];
      },
    };
  },
};

function isServing(status: string | undefined): boolean {
  return status === "InService" || status === "Updating";
}

/**
 * A variant that is scaled must be there after an update, on the same instances: its bounds and policies were made for them.
 * @throws ValidationException with the first variant of which that is not so.
 */
export async function checkScaledVariants(
  { scope, platform }: OperationPlace,
  endpoint: string,
  active: Fleet,
  next: Fleet,
): Promise<void> {
  const { records } = await platform.store.list<ScalableTargetValue>({
    ...{ kind: "scalable-target", account: scope.account, region: scope.region },
    ...{ prefix: `endpoint/${endpoint}/variant/`, limit: 100 },
  });
  for (const { value } of records) {
    const scaled = variantOfResource(value.resourceId)?.variant;
    const [before, after] = [active, next].map(({ variants }) => variants.find(({ name }) => name === scaled));
    const what = before && lossOf(value.dimension, before, after);
    if (what === undefined) continue;
    throw validationException(
      `Variant "${scaled}" has automatic scaling and ${what}. Deregister its scalable target (${value.resourceId}) with Application Auto Scaling first.`,
    );
  }
}

/** What would become of the scaling of a variant; `undefined` when it goes on. */
function lossOf(
  dimension: ScalableTargetValue["dimension"],
  before: Variant,
  after: Variant | undefined,
): string | undefined {
  if (after === undefined) return "is not in the new endpoint configuration";
  if (dimension === "sagemaker:variant:DesiredProvisionedConcurrency") {
    return (after.serverless?.provisioned ?? 0) > 0 ? undefined : "would have no ProvisionedConcurrency";
  }
  return after.instanceType === before.instanceType ? undefined : "changes its instance type";
}
