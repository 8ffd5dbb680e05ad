import { randomBytes } from "node:crypto";
import { validationException } from "../../../errors.ts";
import type { EndpointValue } from "../../../serving/fleet.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { Operation } from "../operation.ts";
import { initialTags } from "../tags/tags-record.ts";
import { fleetOfConfig } from "./fleet-of-config.ts";
import { endpoints } from "./resource.ts";
import { checkTopics, sendTestNotifications } from "./test-notification.ts";

/**
 * Records an endpoint. Nothing starts here: the reconciler brings the fleet up. A deployment configuration says how
 * an endpoint changes, and a new one has nothing to change from.
 * @throws ValidationException when the name is taken or the configuration is not there.
 */
export const createEndpoint: Operation<"CreateEndpoint"> = async (input, context) => {
  const { scope, platform } = context;
  const arn = endpoints.arn(scope, input.EndpointName);
  const fleet = await fleetOfConfig(context, input.EndpointConfigName, 1);
  await checkTopics(fleet, context);
  const value: EndpointValue = {
    arn,
    runPrefix: `e-${randomBytes(6).toString("hex")}`,
    configName: input.EndpointConfigName,
    fleets: [fleet],
    nextFleet: 2,
    nextInstance: 1,
  };
  try {
    await platform.store.write([
      { op: "create", key: endpoints.key(scope, input.EndpointName), value, status: "Creating" },
      initialTags(scope, arn, input.Tags),
    ]);
  } catch (error) {
    // The SageMaker Python SDK looks for these words.
    if (error instanceof WriteConflict) throw validationException(`Cannot create already existing endpoint "${arn}".`);
    throw error;
  }
  await sendTestNotifications(fleet, context);
  return { EndpointArn: arn };
};
