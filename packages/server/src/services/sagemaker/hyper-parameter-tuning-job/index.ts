import type { OperationTable } from "../operation.ts";
import { createHyperParameterTuningJob } from "./create.ts";
import { deleteHyperParameterTuningJob } from "./delete.ts";
import { listTrainingJobsForTuningJob } from "./list-training-jobs.ts";
import { tuningJobs } from "./resource.ts";
import { stopHyperParameterTuningJob } from "./stop.ts";

/** Operations on hyperparameter tuning jobs. */
export const hyperParameterTuningJobOperations = {
  CreateHyperParameterTuningJob: createHyperParameterTuningJob,
  DeleteHyperParameterTuningJob: deleteHyperParameterTuningJob,
  DescribeHyperParameterTuningJob: (input, context) =>
    tuningJobs.describe(context, input.HyperParameterTuningJobName as string),
  ListHyperParameterTuningJobs: async (input, context) => {
    const page = await tuningJobs.list({ ...input, SortBy: input.SortBy ?? "Name" }, context);
    return { HyperParameterTuningJobSummaries: page.summaries, ...page.next };
  },
  ListTrainingJobsForHyperParameterTuningJob: listTrainingJobsForTuningJob,
  StopHyperParameterTuningJob: stopHyperParameterTuningJob,
} satisfies OperationTable;
