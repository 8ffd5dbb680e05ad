import type { OperationTable } from "../operation.ts";
import { createInferenceExperiment } from "./create.ts";
import { deleteInferenceExperiment } from "./delete.ts";
import { inferenceExperiments } from "./resource.ts";
import { startInferenceExperiment } from "./start.ts";
import { stopInferenceExperiment } from "./stop.ts";
import { updateInferenceExperiment } from "./update.ts";

/** Operations on inference experiments. */
export const inferenceExperimentOperations = {
  CreateInferenceExperiment: createInferenceExperiment,
  DeleteInferenceExperiment: deleteInferenceExperiment,
  DescribeInferenceExperiment: (input, context) => inferenceExperiments.describe(context, input.Name as string),
  ListInferenceExperiments: async (input, context) => {
    const page = await inferenceExperiments.list(input, context);
    return { InferenceExperiments: page.summaries, ...page.next };
  },
  StartInferenceExperiment: startInferenceExperiment,
  StopInferenceExperiment: stopInferenceExperiment,
  UpdateInferenceExperiment: updateInferenceExperiment,
} satisfies OperationTable;
