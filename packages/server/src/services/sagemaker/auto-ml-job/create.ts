import type { Tag } from "@aws-sdk/client-sagemaker";
import { resourceInUse, validationException } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { OperationContext } from "../../service.ts";
import type { Operation } from "../operation.ts";
import { initialTags } from "../tags/tags-record.ts";
import type { AutoMLJob } from "./auto-ml-job.ts";
import { checkOrder, isHere } from "./check-order.ts";
import { type Order, orderOfV1, orderOfV2 } from "./order.ts";
import { autoMLJobs } from "./resource.ts";

/**
 * Records an Autopilot job. Nothing starts here: the reconciler launches its jobs.
 * @throws ResourceInUse when the name is taken in this account and region, in capital letters or small ones.
 */
export const createAutoMLJob: Operation<"CreateAutoMLJob"> = async (input, context) => {
  const { Tags, ...request } = input;
  return { AutoMLJobArn: await record(request.AutoMLJobName, orderOfV1(request), Tags, context) };
};

/** The same by the second version of the request, which also knows problems other than tables. */
export const createAutoMLJobV2: Operation<"CreateAutoMLJobV2"> = async (input, context) => {
  const { Tags, ...request } = input;
  const { TabularJobConfig: tabular } = request.AutoMLProblemTypeConfig;
  if (!tabular) {
    const given = Object.keys(request.AutoMLProblemTypeConfig).filter((key) => key !== "$unknown");
    throw validationException(
      `AutoMLProblemTypeConfig.${given[0] ?? "TabularJobConfig is missing, and any other problem type"} is not supported by this version; TabularJobConfig is.`,
    );
  }
  if (request.AutoMLComputeConfig !== undefined) {
    throw validationException("AutoMLComputeConfig is not supported by this version.");
  }
  return { AutoMLJobArn: await record(request.AutoMLJobName, orderOfV2(request, tabular), Tags, context) };
};

async function record(
  name: string,
  order: Order,
  tags: readonly Tag[] | undefined,
  context: OperationContext,
): Promise<string> {
  const { scope, platform } = context;
  const arn = autoMLJobs.arn(scope, name);
  const key = autoMLJobs.key(scope, name);
  if (await platform.store.get(key)) throw nameTaken(arn);
  const own = (tags ?? []).map(({ Key, Value }) => ({ Key: Key as string, Value: Value as string }));
  const value: AutoMLJob = {
    ...{ arn, order, tags: own, secondary: "Starting", phase: "analyze" },
    ...{ features: [], ensembles: [], partialFailures: leftOut(order) },
  };
  await checkOrder(name, value, context);
  try {
    await platform.store.write([{ op: "create", key, value, status: "InProgress" }, initialTags(scope, arn, own)]);
  } catch (error) {
    if (error instanceof WriteConflict) throw nameTaken(arn);
    throw error;
  }
  return arn;
}

/** Algorithms that were asked for, may be asked for, and are not here. */
function leftOut({ algorithms = [], mode }: Order): string[] {
  const missing = algorithms.filter((name) => !isHere(name, mode));
  if (missing.length === 0) return [];
  return [`Candidates were made without ${missing.join(", ")}: this installation does not have them.`];
}

function nameTaken(arn: string) {
  return resourceInUse(
    `AutoML job names must be unique within an AWS account and region, and an AutoML job with this name already exists (${arn})`,
  );
}
