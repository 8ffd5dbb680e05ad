import type { Operation, OperationTable } from "../operation.ts";
import { createTrainingJob } from "./create.ts";
import { trainingJobs } from "./resource.ts";
import { stopTrainingJob } from "./stop.ts";
import { updateTrainingJob } from "./update.ts";

/** Pages of a filtered list that one answer may look through; the caller goes on from there. */
const maxPassedPages = 100;

const describeTrainingJob: Operation<"DescribeTrainingJob"> = (input, context) =>
  trainingJobs.describe(context, input.TrainingJobName);

const listTrainingJobs: Operation<"ListTrainingJobs"> = async (input, context) => {
  // No job has a training plan.
  if (input.TrainingPlanArnEquals) return { TrainingJobSummaries: [] };
  const { WarmPoolStatusEquals: wanted } = input;
  let page = await trainingJobs.list(input, context);
  if (wanted === undefined) return { TrainingJobSummaries: page.summaries, ...page.next };
  // A pool's status follows from the clock, so nothing can be sorted by it: pages without a match are passed over.
  for (let passed = 1; ; passed++) {
    const matching = page.summaries.filter(({ WarmPoolStatus: pool }) => pool?.Status === wanted);
    if (matching.length > 0 || page.next.NextToken === undefined || passed === maxPassedPages) {
      return { TrainingJobSummaries: matching, ...page.next };
    }
    page = await trainingJobs.list({ ...input, ...page.next }, context);
  }
};

const deleteTrainingJob: Operation<"DeleteTrainingJob"> = async (input, context) => {
  await trainingJobs.remove(context, input.TrainingJobName);
  return {};
};

/** Operations on training jobs. */
export const trainingJobOperations = {
  CreateTrainingJob: createTrainingJob,
  DeleteTrainingJob: deleteTrainingJob,
  DescribeTrainingJob: describeTrainingJob,
  ListTrainingJobs: listTrainingJobs,
  StopTrainingJob: stopTrainingJob,
  UpdateTrainingJob: updateTrainingJob,
} satisfies OperationTable;
