import type { OperationTable } from "../operation.ts";
import { createAlgorithm } from "./create.ts";
import { findAlgorithm } from "./find-algorithm.ts";
import { algorithms } from "./resource.ts";

/** CreateAlgorithm, DescribeAlgorithm, ListAlgorithms, DeleteAlgorithm. */
export const algorithmOperations = {
  CreateAlgorithm: createAlgorithm,
  DeleteAlgorithm: async (input, context) => {
    await algorithms.remove(context, input.AlgorithmName);
    return {};
  },
  DescribeAlgorithm: async (input, context) =>
    algorithms.describe(context, (await findAlgorithm(input.AlgorithmName, context)).name),
  ListAlgorithms: async (input, context) => {
    const page = await algorithms.list(input, context);
    return { AlgorithmSummaryList: page.summaries, ...page.next };
  },
} satisfies OperationTable;
