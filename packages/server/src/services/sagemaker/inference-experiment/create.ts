import { resourceInUse } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";
import { checkKey } from "../check-key.ts";
import { endpoints } from "../endpoint/resource.ts";
import { checkExecutionRole } from "../execution-role.ts";
import type { Operation } from "../operation.ts";
import { initialTags } from "../tags/tags-record.ts";
import { checkEndpoint, checkSpec, readSchedule } from "./check-experiment.ts";
import { type ExperimentSpec, type ExperimentValue, endpointLockKey } from "./experiment.ts";
import { identityOf, inferenceExperiments } from "./resource.ts";

/**
 * Records an experiment that copies a share of an endpoint's requests to another model. It begins now or when its
 * schedule says; the reconciler changes the endpoint then.
 * @throws ResourceInUse when the name is taken, or the endpoint has an experiment that has not ended.
 */
export const createInferenceExperiment: Operation<"CreateInferenceExperiment"> = async (input, context) => {
  const { scope, platform } = context;
  const { Name: name, EndpointName: endpoint } = input as { Name: string; EndpointName: string };
  checkExecutionRole(context, input.RoleArn as string);
  checkKey("KmsKey", input.KmsKey, context);
  const spec: ExperimentSpec = {
    ...{ ModelVariants: input.ModelVariants, ShadowModeConfig: input.ShadowModeConfig },
    ...(input.DataStorageConfig && { DataStorageConfig: input.DataStorageConfig }),
  };
  await checkSpec(spec, context);
  const record = await endpoints.get(context, endpoint);
  // Said first: an experiment that runs makes of its endpoint one with a shadow, which is no news to anybody.
  await checkFree(context, name, endpoint);
  checkEndpoint(record, spec);
  const now = platform.clock.now();
  const arn = inferenceExperiments.arn(scope, name);
  const value: ExperimentValue = {
    ...{ arn, endpoint, endpointIdentity: identityOf(record.value), roleArn: input.RoleArn as string, spec },
    ...{ configs: [], ...readSchedule(input.Schedule, now) },
    ...(input.Description !== undefined && { description: input.Description }),
    ...(input.KmsKey && { kmsKey: input.KmsKey }),
  };
  const lock = endpointLockKey(scope, endpoint);
  try {
    await platform.store.write([
      {
        op: "create",
        key: inferenceExperiments.key(scope, name),
        value,
        status: value.startAt > now ? "Created" : "Starting",
      },
      { op: "create", key: lock, value: { experiment: name } },
      initialTags(scope, arn, input.Tags),
    ]);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    // Another caller was faster, and may have ended already.
    return await createInferenceExperiment(input, context);
  }
  return { InferenceExperimentArn: arn };
};

/** @throws ResourceInUse when the name is taken, or the endpoint has an experiment that has not ended. */
async function checkFree({ scope, platform }: OperationPlace, name: string, endpoint: string): Promise<void> {
  if ((await platform.store.get(inferenceExperiments.key(scope, name))) !== undefined) {
    throw resourceInUse(
      `Cannot create already existing inference experiment "${inferenceExperiments.arn(scope, name)}".`,
    );
  }
  const taken = await platform.store.get<{ readonly experiment: string }>(endpointLockKey(scope, endpoint));
  if (taken === undefined) return;
  throw resourceInUse(
    `Endpoint "${endpoint}" has an inference experiment that has not ended: "${taken.value.experiment}".`,
  );
}
