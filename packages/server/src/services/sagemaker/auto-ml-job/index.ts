import type { OperationTable } from "../operation.ts";
import { createAutoMLJob, createAutoMLJobV2 } from "./create.ts";
import { describeV2 } from "./describe.ts";
import { listCandidatesForAutoMLJob } from "./list-candidates.ts";
import { autoMLJobs } from "./resource.ts";
import { stopAutoMLJob } from "./stop.ts";

/** Operations on Autopilot jobs. */
export const autoMLJobOperations = {
  CreateAutoMLJob: createAutoMLJob,
  CreateAutoMLJobV2: createAutoMLJobV2,
  DescribeAutoMLJob: (input, context) => autoMLJobs.describe(context, input.AutoMLJobName),
  DescribeAutoMLJobV2: async (input, context) =>
    await describeV2(await autoMLJobs.get(context, input.AutoMLJobName), context),
  ListAutoMLJobs: async (input, context) => {
    const page = await autoMLJobs.list({ ...input, SortBy: input.SortBy ?? "Name" }, context);
    return { AutoMLJobSummaries: page.summaries, ...page.next };
  },
  ListCandidatesForAutoMLJob: listCandidatesForAutoMLJob,
  StopAutoMLJob: stopAutoMLJob,
} satisfies OperationTable;
