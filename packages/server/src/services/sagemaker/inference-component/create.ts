import { randomBytes } from "node:crypto";
import { ServiceError, validationException } from "../../../errors.ts";
import type { ComponentValue } from "../../../serving/components/component.ts";
import { WriteConflict } from "../../../store/store.ts";
import { endpoints } from "../endpoint/resource.ts";
import { notNow } from "../endpoint/update.ts";
import type { Operation } from "../operation.ts";
import { initialTags } from "../tags/tags-record.ts";
import { componentFleet, type GivenSpecification } from "./component-fleet.ts";
import { componentsOf, hostingWrite, hostOf, mostComponents } from "./hosting.ts";
import { components } from "./resource.ts";

/**
 * Puts a model on the instances of an endpoint that is made for several. Nothing starts here: the reconciler brings its copies up.
 * @throws ValidationException when the endpoint is not InService or not made for components, or no copy would ever fit.
 */
export const createInferenceComponent: Operation<"CreateInferenceComponent"> = async (input, context) => {
  const { scope, platform } = context;
  const name = input.InferenceComponentName;
  const endpoint = await endpoints.get(context, input.EndpointName);
  const { value: host, version, status } = endpoint;
  if (status !== "InService") throw notNow(host.arn, status);
  const variant = hostOf(host, input.VariantName);
  if (variant === undefined) {
    const which = input.VariantName === undefined ? "" : ` named "${input.VariantName}"`;
    throw validationException(
      `Endpoint "${host.arn}" has no variant${which} for inference components: its endpoint configuration must have one without ModelName.`,
    );
  }
  if ((await componentsOf(platform.store, scope, input.EndpointName)).length >= mostComponents) {
    const message = `Endpoint ${input.EndpointName} has ${mostComponents} inference components; there can be no more.`;
    throw new ServiceError("ResourceLimitExceeded", message, { status: 400 });
  }
  const specification = onlySpecification(input.Specification, input.Specifications);
  const copies = input.RuntimeConfig?.CopyCount ?? 1;
  const arn = components.arn(scope, name);
  const fleet = await componentFleet(context, specification, { endpoint: host, host: variant, copies, id: 1 });
  const value: ComponentValue = {
    ...{ arn, runPrefix: `e-${randomBytes(6).toString("hex")}`, configName: host.configName },
    ...{ endpoint: input.EndpointName, endpointArn: host.arn, endpointIncarnation: host.runPrefix },
    ...{ hostVariant: variant.name, fleets: [fleet], nextFleet: 2, nextInstance: 1 },
  };
  try {
    await platform.store.write([
      { op: "create", key: components.key(scope, name), value, status: "Creating" },
      initialTags(scope, arn, input.Tags),
      hostingWrite(scope, input.EndpointName, name),
      // The endpoint must still be there, and as it was looked at.
      { op: "update", key: endpoints.key(scope, input.EndpointName), version, value: host, status },
    ]);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    if (error.reason !== "exists") return await createInferenceComponent(input, context);
    throw validationException(`Cannot create already existing inference component "${arn}".`);
  }
  return { InferenceComponentArn: arn };
};

/** The specification, which may be given as a list of one. @throws ValidationException. */
export function onlySpecification(
  one: GivenSpecification | undefined,
  several: readonly GivenSpecification[] | undefined,
): GivenSpecification {
  const given = one === undefined ? (several ?? []) : [one, ...(several ?? [])];
  const [first, ...further] = given;
  if (first === undefined) throw validationException("Specification must be given.");
  if (further.length > 0) {
    throw validationException("Several Specifications, one for each instance type, are not supported by this version.");
  }
  return first;
}
