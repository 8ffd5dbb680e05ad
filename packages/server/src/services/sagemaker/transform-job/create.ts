import { randomBytes } from "node:crypto";
import { resourceInUse } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import { models } from "../model/resource.ts";
import { containerOfModel } from "../model-instance/model-container.ts";
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
  const container = containerOfModel(model.value, model.value.spec.EnableNetworkIsolation === true);
  const value: TransformJob = {
    ...{ arn, spec, instances: [], nextRun: 1 },
    runPrefix: `b-${randomBytes(6).toString("hex")}`,
    containers: [
      {
        ...container,
        environment: { ...container.environment, ...jobVariables(spec, arn) },
        ...(spec.TransformResources?.VolumeKmsKeyId && { hasVolumeKey: true }),
      },
    ],
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

function nameTaken(arn: string) {
  return resourceInUse(
    `Job name must be unique within an AWS account and region, and a job with this name already exists (${arn})`,
  );
}
