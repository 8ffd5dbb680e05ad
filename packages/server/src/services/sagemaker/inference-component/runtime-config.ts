import type { ComponentValue } from "../../../serving/components/component.ts";
import { fleetOf } from "../../../serving/fleet.ts";
import { WriteConflict } from "../../../store/store.ts";
import { checkInstanceCount } from "../endpoint/fleet-of-config.ts";
import { notNow } from "../endpoint/update.ts";
import type { Operation } from "../operation.ts";
import { hostingWrite } from "./hosting.ts";
import { components } from "./resource.ts";

/** Changes how many copies a component has. 0 is a component that waits. @throws ValidationException when it is not InService. */
export const updateInferenceComponentRuntimeConfig: Operation<"UpdateInferenceComponentRuntimeConfig"> = async (
  input,
  context,
) => {
  const { scope, platform } = context;
  const name = input.InferenceComponentName;
  const record = await components.get(context, name);
  const { value, version, status } = record;
  if (status !== "InService") throw notNow(value.arn, status);
  const next = withCopies(value, input.DesiredRuntimeConfig.CopyCount);
  try {
    await platform.store.write([
      { op: "update", key: components.key(scope, name), version, value: next, status: "Updating" },
      hostingWrite(scope, value.endpoint, name),
    ]);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    return await updateInferenceComponentRuntimeConfig(input, context);
  }
  return { InferenceComponentArn: value.arn };
};

/** The component with another number of copies. @throws ServiceError when this host has no memory for so many. */
export function withCopies(value: ComponentValue, desiredInstanceCount: number): ComponentValue {
  const { failureReason: _outdated, ...kept } = value;
  const active = fleetOf(value, "active");
  const fleets = value.fleets.map((fleet) => {
    if (fleet.id !== active?.id) return fleet;
    // Crashes before this do not count against the new copies.
    const variants = fleet.variants.map(({ crashes: _over, ...variant }) => ({ ...variant, desiredInstanceCount }));
    checkInstanceCount("The inference component", variants);
    return { ...fleet, variants };
  });
  return { ...kept, fleets };
}
