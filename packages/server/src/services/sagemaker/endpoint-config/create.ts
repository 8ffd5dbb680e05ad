import { validationException } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";
import type { Input, Operation } from "../operation.ts";
import { initialTags } from "../tags/tags-record.ts";
import { checkEndpointConfig } from "./check-endpoint-config.ts";
import type { EndpointConfigValue } from "./endpoint-config-record.ts";
import { endpointConfigs } from "./resource.ts";

/**
 * Records which models an endpoint should serve, on what, and how traffic is shared.
 * @throws ValidationException when the name is taken, a model is not there or a feature is not built yet.
 */
export const createEndpointConfig: Operation<"CreateEndpointConfig"> = async (input, context) => {
  return { EndpointConfigArn: await recordEndpointConfig(input, context) };
};

/** The same for what the platform itself asks for. @returns Its ARN. */
export async function recordEndpointConfig(
  { Tags, ...spec }: Input<"CreateEndpointConfig">,
  place: OperationPlace,
): Promise<string> {
  await checkEndpointConfig(spec, place);
  const { scope, platform } = place;
  const arn = endpointConfigs.arn(scope, spec.EndpointConfigName);
  const value: EndpointConfigValue = { arn, spec };
  try {
    await platform.store.write([
      { op: "create", key: endpointConfigs.key(scope, spec.EndpointConfigName), value },
      initialTags(scope, arn, Tags),
    ]);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    throw validationException(`Cannot create already existing endpoint configuration "${arn}".`);
  }
  return arn;
}
