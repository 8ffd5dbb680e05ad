import type { OperationTable } from "../operation.ts";
import { createModelPackage } from "./create.ts";
import { findModelPackage, modelPackages } from "./resource.ts";

/** CreateModelPackage, DescribeModelPackage, ListModelPackages, DeleteModelPackage. */
export const modelPackageOperations = {
  CreateModelPackage: createModelPackage,
  DeleteModelPackage: async (input, context) => {
    await modelPackages.remove(context, (await findModelPackage(input.ModelPackageName, context)).name);
    return {};
  },
  DescribeModelPackage: async (input, context) =>
    modelPackages.describe(context, (await findModelPackage(input.ModelPackageName, context)).name),
  ListModelPackages: async (input, context) => {
    // There are no groups yet, and only their versions are approved.
    const versions = input.ModelPackageType === "Versioned" || input.ModelPackageGroupName !== undefined;
    if (versions || input.ModelApprovalStatus !== undefined) return { ModelPackageSummaryList: [] };
    const page = await modelPackages.list(input, context);
    return { ModelPackageSummaryList: page.summaries, ...page.next };
  },
} satisfies OperationTable;
