import { validationException } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { Operation } from "../operation.ts";
import { checkDebugBuckets, checkDebugOutputs } from "./debug-outputs.ts";
import { trainingJobs } from "./resource.ts";
import { isFinal, type TrainingJobRecord, type TrainingJobSpec } from "./training-job.ts";
import { checkKeepAlive, isAvailable, withPeriod } from "./warm-pool.ts";
import { poolEnded, poolKey } from "./warm-pool-records.ts";

/** Changes how long a job keeps its instances, and its profiler and its debugging while it runs. */
export const updateTrainingJob: Operation<"UpdateTrainingJob"> = async (input, context) => {
  for (;;) {
    const record = await trainingJobs.get(context, input.TrainingJobName);
    if (isFinal(record) && input.ResourceConfig) {
      if (await updatePool(record, input, context)) return { TrainingJobArn: record.value.arn };
      continue;
    }
    if (record.status !== "InProgress") {
      throw validationException(`The request was rejected because the training job is in status ${record.status}.`);
    }
    const { ResourceConfig, RemoteDebugConfig, ProfilerConfig, ProfilerRuleConfigurations } = input;
    const profiler = ProfilerConfig && { ...record.value.spec.ProfilerConfig, ...ProfilerConfig };
    const spec = {
      ...record.value.spec,
      ...(ResourceConfig && { ResourceConfig: { ...record.value.spec.ResourceConfig, ...ResourceConfig } }),
      ...(RemoteDebugConfig && { RemoteDebugConfig }),
      ...(profiler && { ProfilerConfig: profiler }),
      ...(ProfilerRuleConfigurations && { ProfilerRuleConfigurations }),
    } as TrainingJobSpec;
    checkKeepAlive(spec);
    checkDebugOutputs(spec);
    await checkDebugBuckets(spec, context.platform.objects, context.scope.account);
    const key = trainingJobs.key(context.scope, input.TrainingJobName);
    try {
      await context.platform.store.write([
        { op: "update", key, version: record.version, value: { ...record.value, spec }, status: record.status },
      ]);
      return { TrainingJobArn: record.value.arn };
    } catch (error) {
      // The reconciler moved the job in between: read it again.
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
};

/**
 * Changes how long the warm pool of an ended job is kept; a period that has passed already ends it.
 * @returns Whether it was changed; not when the job or its pool changed meanwhile.
 * @throws ValidationException when there is none to be changed, or something else is to be changed too.
 */
async function updatePool(
  record: TrainingJobRecord,
  { ResourceConfig, TrainingJobName: _, ...others }: Parameters<typeof updateTrainingJob>[0],
  { platform: { store, clock } }: Parameters<typeof updateTrainingJob>[1],
): Promise<boolean> {
  const { account, region, kind, name, version, value: job, status } = record;
  const now = clock.now();
  const other = Object.entries(others).find(([, value]) => value !== undefined)?.[0];
  const waiting = job.leftPool && (await store.get(poolKey(record)));
  if (!job.leftPool || !waiting || waiting.status === poolEnded || !isAvailable(record, now)) {
    throw validationException(
      `The request was rejected because the training job is in status ${status} and has no warm pool in status Available.`,
    );
  }
  if (other !== undefined) {
    throw validationException(`${other} cannot be updated: the training job is in status ${status}.`);
  }
  const leftPool = withPeriod(job, job.leftPool, ResourceConfig?.KeepAlivePeriodInSeconds ?? 0, now);
  const spec = { ...job.spec, ResourceConfig: { ...job.spec.ResourceConfig, ...ResourceConfig } } as TrainingJobSpec;
  const value = { ...job, spec, leftPool };
  const poolStatus = leftPool.until > now ? "Available" : poolEnded;
  try {
    await store.write([
      {
        ...{ op: "update", key: { account, region, kind, name }, version, value },
        ...(status !== undefined && { status }),
      },
      { op: "update", key: poolKey(record), version: waiting.version, value: waiting.value, status: poolStatus },
    ]);
    return true;
  } catch (error) {
    if (error instanceof WriteConflict) return false;
    throw error;
  }
}
