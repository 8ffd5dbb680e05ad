import type { OperationPlace } from "../../service.ts";
import { type CountedJobs, checkInstancesFit, type WantedInstances, withinQuotas } from "../account-quotas.ts";
import { type TransformJob, type TransformJobSpec, transformJobKind } from "./transform-job.ts";

/** The instances that a request asks for. */
export function wantedInstances({ TransformResources: resources }: TransformJobSpec): WantedInstances {
  return { instanceType: resources?.InstanceType ?? "", count: resources?.InstanceCount ?? 1 };
}

/**
 * Refuses an instance type that this machine can never give, where types are held to their size.
 * @throws ServiceError `ResourceLimitExceeded` naming the type and what the machine has.
 */
export function checkTransformFits(spec: TransformJobSpec, mode: "shared" | "strict"): void {
  checkInstancesFit([wantedInstances(spec)], mode);
}

const transformJobUse: CountedJobs<TransformJob> = {
  use: "transform",
  kind: transformJobKind,
  instancesOf: ({ spec }) => [wantedInstances(spec)],
};

/**
 * Creates a job while no other request of the account is between counting and creating.
 * @throws ServiceError `ResourceLimitExceeded` when the account would pass one of its quotas.
 */
export function withinTransformQuotas<Result>(
  context: OperationPlace,
  spec: TransformJobSpec,
  create: () => Promise<Result>,
): Promise<Result> {
  return withinQuotas(context, transformJobUse, [wantedInstances(spec)], create);
}
