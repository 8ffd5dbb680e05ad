import type { OperationTable } from "../operation.ts";
import { createTransformJob } from "./create.ts";
import { transformJobs } from "./resource.ts";
import { stopTransformJob } from "./stop.ts";

/** CreateTransformJob, DescribeTransformJob, ListTransformJobs, StopTransformJob. There is no operation that deletes one. */
export const transformJobOperations = {
  CreateTransformJob: createTransformJob,
  DescribeTransformJob: (input, context) => transformJobs.describe(context, input.TransformJobName),
  ListTransformJobs: async (input, context) => {
    const page = await transformJobs.list(input, context);
    return { TransformJobSummaries: page.summaries, ...page.next };
  },
  StopTransformJob: stopTransformJob,
} satisfies OperationTable;
