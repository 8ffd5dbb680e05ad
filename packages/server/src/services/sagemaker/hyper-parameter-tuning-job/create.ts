import { randomInt } from "node:crypto";
import { resourceInUse } from "../../../errors.ts";
import { type Write, WriteConflict } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";
import type { Input, Operation, Output } from "../operation.ts";
import { initialTags } from "../tags/tags-record.ts";
import { autotuned } from "./autotune.ts";
import { withoutOwnMetrics } from "./built-in.ts";
import { checkTuningRequest } from "./check-request.ts";
import { checkWarmStart } from "./check-warm-start.ts";
import { tuningJobs } from "./resource.ts";
import { noProgress, type TuningJob } from "./tuning-job.ts";

/**
 * Records a tuning job. Nothing starts here: the reconciler launches its training jobs.
 * @throws ResourceInUse when the name is taken in this account and region, in capital letters or small ones.
 */
export const createHyperParameterTuningJob: Operation<"CreateHyperParameterTuningJob"> = (input, context) =>
  recordTuningJob(input, context);

/**
 * The same, for the platform itself too.
 * @param beside - Written in the same transaction.
 * @throws WriteConflict when one of those writes cannot be.
 */
export async function recordTuningJob(
  input: Input<"CreateHyperParameterTuningJob">,
  context: OperationPlace,
  beside: readonly Write[] = [],
): Promise<Output<"CreateHyperParameterTuningJob">> {
  const { Tags, ...request } = input;
  const { scope, platform } = context;
  const name = request.HyperParameterTuningJobName as string;
  const arn = tuningJobs.arn(scope, name);
  const key = tuningJobs.key(scope, name);
  if (await platform.store.get(key)) throw nameTaken(arn);
  const spec = autotuned(withoutOwnMetrics(request, context), context);
  await checkTuningRequest(spec, context);
  await checkWarmStart(spec, context);
  const value: TuningJob = {
    ...{ arn, spec, progress: noProgress },
    tags: (Tags ?? []).map(({ Key, Value }) => ({ Key: Key as string, Value: Value as string })),
    seed: spec.HyperParameterTuningJobConfig?.RandomSeed ?? randomInt(2 ** 31),
  };
  try {
    const created: Write = { op: "create", key, value, status: "InProgress" };
    await platform.store.write([created, initialTags(scope, arn, Tags), ...beside]);
  } catch (error) {
    const isOther = error instanceof WriteConflict && beside.some((each) => each.key.kind === error.key.kind);
    if (error instanceof WriteConflict && !isOther) throw nameTaken(arn);
    throw error;
  }
  return { HyperParameterTuningJobArn: arn };
}

function nameTaken(arn: string) {
  return resourceInUse(
    `Tuning job names must be unique within an AWS account and region, and a tuning job with this name already exists (${arn})`,
  );
}
