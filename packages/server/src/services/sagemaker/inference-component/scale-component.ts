import type { ComponentValue } from "../../../serving/components/component.ts";
import { fleetOf } from "../../../serving/fleet.ts";
import type { ScalableResource } from "../../application-autoscaling/scalable-resource.ts";
import { componentKey, hostingWrite } from "./hosting.ts";
import { withCopies } from "./runtime-config.ts";

/** Copies of inference components, as Application Auto Scaling sees them. */
export const componentCopies: ScalableResource = {
  noun: "copy count",
  async read(store, scope, resourceId) {
    const name = resourceId.slice(resourceId.indexOf("/") + 1);
    const key = componentKey(scope, name);
    const record = await store.get<ComponentValue>(key);
    if (record === undefined || record.status === "Deleting") return undefined;
    const { value, version, status } = record;
    const active = fleetOf(value, "active");
    const variant = (active ?? fleetOf(value, "incoming"))?.variants[0];
    if (variant === undefined) return undefined;
    const { desiredInstanceCount: desired } = variant;
    const current = variant.instances.filter(({ phase }) => phase === "ready").length;
    const isServing = status === "InService" || status === "Updating";
    const isShort = status === "InService" && current < desired;
    return {
      ...{ incarnation: value.runPrefix, desired, current },
      isSettled: status === "InService" && current === desired,
      isBusy: active === undefined || fleetOf(value, "incoming") !== undefined || !isServing,
      ...(isShort && { failure: value.failureReason ?? "there is not enough room on the endpoint's instances" }),
      change: (copies) => [
        { op: "update", key, version, value: withCopies(value, copies), status: "Updating" },
        hostingWrite(scope, value.endpoint, name),
      ],
    };
  },
};
