import { validationException } from "../../../errors.ts";
import type { Operation } from "../operation.ts";
import { trainingJobs } from "../training-job/resource.ts";
import type { TrainingJobRecord } from "../training-job/training-job.ts";
import { definitionsOf } from "./definitions.ts";
import { trialAfter } from "./look-at-trials.ts";
import { allTrials } from "./read-trials.ts";
import { tuningJobs } from "./resource.ts";
import { summarizeTrial, type TrialSummary } from "./trial-summary.ts";

const defaultPageSize = 10;

/** What a list may be sorted by. Ties are in the order of the trials. */
const keys: Readonly<Record<string, (summary: TrialSummary) => string | number>> = {
  Name: ({ TrainingJobName }) => TrainingJobName as string,
  CreationTime: ({ CreationTime }) => CreationTime?.getTime() as number,
  Status: ({ TrainingJobStatus }) => TrainingJobStatus as string,
  FinalObjectiveMetricValue: (summary) => summary.FinalHyperParameterTuningJobObjectiveMetric?.Value as number,
};

/**
 * Lists a tuning job's training jobs. Sorted by their objective, those without one are left out. A page begins after the
 * trial that the one before ended with.
 */
export const listTrainingJobsForTuningJob: Operation<"ListTrainingJobsForHyperParameterTuningJob"> = async (
  input,
  context,
) => {
  const { SortBy = "Name", SortOrder = "Ascending", StatusEquals, NextToken, MaxResults = defaultPageSize } = input;
  const tuningJob = await tuningJobs.get(context, input.HyperParameterTuningJobName as string);
  const definitions = definitionsOf(tuningJob.value.spec);
  const all: TrialSummary[] = [];
  for (const record of await allTrials(context.platform.store, tuningJob)) {
    // A trial that runs is shown as its training job is now.
    const job =
      record.value.endedAt === undefined &&
      ((await context.platform.store.get(trainingJobs.key(context.scope, record.value.job))) as
        | TrainingJobRecord
        | undefined);
    const metric = definitions[record.value.definition]?.objective.MetricName as string;
    all.push(summarizeTrial(tuningJob, job ? { ...record, value: trialAfter(record.value, job, metric) } : record));
  }
  const key = keys[SortBy] as (summary: TrialSummary) => string | number;
  const direction = SortOrder === "Descending" ? -1 : 1;
  const wanted = all.filter(
    (each) =>
      (StatusEquals === undefined || each.TrainingJobStatus === StatusEquals) &&
      (SortBy !== "FinalObjectiveMetricValue" || each.FinalHyperParameterTuningJobObjectiveMetric !== undefined),
  );
  wanted.sort((a, b) => direction * (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
  const start =
    NextToken === undefined ? 0 : 1 + wanted.findIndex(({ TrainingJobName }) => TrainingJobName === NextToken);
  if (NextToken !== undefined && start === 0) throw validationException("The pagination token is invalid.");
  const page = wanted.slice(start, start + MaxResults);
  const hasMore = start + MaxResults < wanted.length;
  return {
    TrainingJobSummaries: page,
    ...(hasMore && { NextToken: page.at(-1)?.TrainingJobName }),
  };
};
