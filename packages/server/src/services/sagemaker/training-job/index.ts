import type { Operation, OperationTable } from "../operation.ts";
import { createTrainingJob } from "./create.ts";
import { trainingJobs } from "./resource.ts";
import { stopTrainingJob } from "./stop.ts";
import { updateTrainingJob } from "./update.ts";

const describeTrainingJob: Operation<"DescribeTrainingJob"> = (input, context) =>
  trainingJobs.describe(context, input.TrainingJobName);

const listTrainingJobs: Operation<"ListTrainingJobs"> = async (input, context) => {
  // No job has a warm pool or a training plan.
  if (input.WarmPoolStatusEquals ?? input.TrainingPlanArnEquals) return { TrainingJobSummaries: [] };
  const page = await trainingJobs.list(input, context);
  return { TrainingJobSummaries: page.summaries, ...page.next };
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
