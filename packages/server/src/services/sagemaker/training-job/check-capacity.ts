import type { HostCapacity } from "../../../instance-types/fit-to-host.ts";
import { thisHost } from "../../../instance-types/fit-to-host.ts";
import type { OperationPlace } from "../../service.ts";
import { type CountedJobs, checkInstancesFit, withinQuotas as withinQuotasOf } from "../account-quotas.ts";
import { wantedGroups } from "./hosts.ts";
import { type TrainingJob, type TrainingJobSpec, trainingJobKind } from "./training-job.ts";

/**
 * Refuses an instance type that this machine can never give, where types are held to their size.
 * @throws ServiceError `ResourceLimitExceeded` naming the type and what the machine has.
 */
export function checkFits(spec: TrainingJobSpec, mode: "shared" | "strict", host: HostCapacity = thisHost()): void {
  checkInstancesFit(wantedGroups(spec), mode, host);
}

const trainingJobUse: CountedJobs<TrainingJob> = {
  use: "training",
  kind: trainingJobKind,
  instancesOf: ({ spec }) => wantedGroups(spec),
};

/**
 * Creates a job while no other request of the account is between counting and creating.
 * @throws ServiceError `ResourceLimitExceeded` when the account would pass one of its quotas.
 */
export function withinQuotas<Result>(
  context: OperationPlace,
  spec: TrainingJobSpec,
  create: () => Promise<Result>,
): Promise<Result> {
  return withinQuotasOf(context, trainingJobUse, wantedGroups(spec), create);
}
