import type { OperationTable } from "../operation.ts";
import { createModel } from "./create.ts";
import { models } from "./resource.ts";

/** CreateModel, DescribeModel, ListModels, DeleteModel. */
export const modelOperations = {
  CreateModel: createModel,
  DescribeModel: (input, context) => models.describe(context, input.ModelName),
  ListModels: async (input, context) => {
    const page = await models.list(input, context);
    return { Models: page.summaries, ...page.next };
  },
  DeleteModel: async (input, context) => {
    await models.remove(context, input.ModelName);
    return {};
  },
} satisfies OperationTable;
