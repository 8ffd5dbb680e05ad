import type { Operation } from "../operation.ts";
import { objectiveRun } from "../training-job/job-metrics.ts";
import { allTrials } from "./read-trials.ts";
import { tuningJobs } from "./resource.ts";
import { isEnded } from "./tuning-job.ts";

/** Trials that go in one transaction. */
const batch = 500;

/** Deletes a tuning job that has ended, and what is known of its trials. Its training jobs stay. */
export const deleteHyperParameterTuningJob: Operation<"DeleteHyperParameterTuningJob"> = async (input, context) => {
  const name = input.HyperParameterTuningJobName as string;
  const { store, metrics } = context.platform;
  const record = await tuningJobs.get(context, name);
  if (isEnded(record)) {
    // Before the tuning job itself: what a crash leaves is then found by deleting it again.
    const trials = await allTrials(store, record);
    for (let start = 0; start < trials.length; start += batch) {
      const some = trials.slice(start, start + batch);
      for (const { value } of some) await metrics.forgetSteps(context.scope, objectiveRun(value.jobArn));
      await store.write(
        some.map(({ account, region, kind, name: trial }) => ({
          op: "delete",
          key: { account, region, kind, name: trial },
        })),
      );
    }
  }
  await tuningJobs.remove(context, name);
  return {};
};
