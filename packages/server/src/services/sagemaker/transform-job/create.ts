import { randomBytes } from "node:crypto";
import { resourceInUse, validationException } from "../../../errors.ts";
import { containersOf, type ServingContainer } from "../../../serving/fleet.ts";
import { WriteConflict } from "../../../store/store.ts";
import { models } from "../model/resource.ts";
import { type ModelContainers, serversOfModel } from "../model-instance/model-container.ts";
import type { Operation } from "../operation.ts";
import { initialTags } from "../tags/tags-record.ts";
import { checkTransformFits, withinTransformQuotas } from "./check-capacity.ts";
import { checkRequest } from "./check-request.ts";
import { transformJobs } from "./resource.ts";
import type { TransformJob } from "./transform-job.ts";
import { jobVariables } from "./transform-request.ts";

/**
 * Records a transform job. Nothing starts here: the reconciler drives the record. The model is copied into it, and may be
 * deleted while the job runs.
 * @throws ResourceInUse when the name is taken in this account and region.
 * @throws ResourceLimitExceeded when this machine can never give what is asked for, or the account would pass a quota.
 */
export const createTransformJob: Operation<"CreateTransformJob"> = async (input, context) => {
  const { Tags, ...spec } = input;
  const { scope, platform } = context;
  const arn = transformJobs.arn(scope, spec.TransformJobName);
  const key = transformJobs.key(scope, spec.TransformJobName);
  // Looked up before the slower checks, so that a repeated request hears of its own first. The write decides.
  if (await platform.store.get(key)) throw nameTaken(arn);
  const model = await models.get(context, spec.ModelName);
  await checkRequest(spec, context);
  checkTransformFits(spec, platform.configuration.capacity.mode);
  const { VolumeKmsKeyId: volumeKey } = spec.TransformResources ?? {};
  const servers = serversOfModel(model.value, {
    needsIsolation: model.value.spec.EnableNetworkIsolation === true,
    ...(volumeKey && { hasVolumeKey: true }),
  });
  checkTransforms(spec.ModelName, servers);
  const variables = jobVariables(spec, arn);
  const told = (container: ServingContainer): ServingContainer => ({
    ...container,
    environment: { ...container.environment, ...variables },
  });
  const value: TransformJob = {
    ...{ arn, spec, instances: [], nextRun: 1 },
    runPrefix: `b-${randomBytes(6).toString("hex")}`,
    containers: [told(servers.container), ...(servers.further ?? []).map(told)],
  };
  try {
    await withinTransformQuotas(context, spec, () =>
      platform.store.write([{ op: "create", key, value, status: "InProgress" }, initialTags(scope, arn, Tags)]),
    );
  } catch (error) {
    if (error instanceof WriteConflict) throw nameTaken(arn);
    throw error;
  }
  return { TransformJobArn: arn };
};

/** Batch transforms send every request to all of a model's containers, one after the other. */
function checkTransforms(name: string | undefined, servers: ModelContainers): void {
  if (containersOf(servers).some(({ multiModel }) => multiModel !== undefined)) {
    throw validationException(
      `Model ${name} cannot be used by a transform job: a container of it has Mode MultiModel, and nothing in a job names a model.`,
    );
  }
  if (servers.execution !== "direct") return;
  throw validationException(
    `Model ${name} cannot be used by a transform job: its InferenceExecutionConfig has Mode Direct.`,
  );
}

function nameTaken(arn: string) {
  return resourceInUse(
    `Job name must be unique within an AWS account and region, and a job with this name already exists (${arn})`,
  );
}
