import { validationException } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { Operation } from "../operation.ts";
import { checkDebugBuckets, checkDebugOutputs } from "./debug-outputs.ts";
import { trainingJobs } from "./resource.ts";
import type { TrainingJobSpec } from "./training-job.ts";

/** Changes what a job keeps of its instances, its profiler and its debugging while it runs. */
export const updateTrainingJob: Operation<"UpdateTrainingJob"> = async (input, context) => {
  for (;;) {
    const record = await trainingJobs.get(context, input.TrainingJobName);
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
