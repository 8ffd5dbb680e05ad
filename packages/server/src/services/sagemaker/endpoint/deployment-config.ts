import { validationException } from "../../../errors.ts";
import { allAtOnce, type Deployment } from "../../../serving/deployment.ts";
import { type Fleet, productionVariants } from "../../../serving/fleet.ts";
import type { Input } from "../operation.ts";

export type DeploymentConfig = NonNullable<Input<"UpdateEndpoint">["DeploymentConfig"]>;
type CapacitySize = NonNullable<NonNullable<DeploymentConfig["RollingUpdatePolicy"]>["MaximumBatchSize"]>;

/**
 * The deployment that a configuration asks for, for a fleet of a size.
 * @throws ValidationException for what contradicts itself or is out of the documented ranges.
 */
export function deploymentOf(config: DeploymentConfig | undefined, fleet: Fleet): Deployment {
  if (config === undefined) return allAtOnce;
  const { BlueGreenUpdatePolicy: blueGreen, RollingUpdatePolicy: rolling } = config;
  if (blueGreen !== undefined && rolling !== undefined) {
    throw validationException("DeploymentConfig has BlueGreenUpdatePolicy and RollingUpdatePolicy; give one of them.");
  }
  const alarms = (config.AutoRollbackConfiguration?.Alarms ?? []).map(({ AlarmName = "" }) => AlarmName);
  if (rolling !== undefined) return checkTime({ ...rollingOf(rolling, fleet), alarms });
  return checkTime({ ...blueGreenOf(blueGreen, fleet), alarms });
}

function blueGreenOf(policy: DeploymentConfig["BlueGreenUpdatePolicy"], fleet: Fleet): Deployment {
  const routing = policy?.TrafficRoutingConfiguration;
  const times = {
    waitMs: 1_000 * (routing?.WaitIntervalInSeconds ?? 0),
    terminationWaitMs: 1_000 * (policy?.TerminationWaitInSeconds ?? 0),
    ...maximum(policy?.MaximumExecutionTimeoutInSeconds),
  };
  switch (routing?.Type) {
    case "CANARY": {
      const share = shareOf("CanarySize", routing.CanarySize, fleet, 0, 0.5);
      return { ...allAtOnce, ...times, shares: [share, 1] };
    }
    case "LINEAR": {
      const share = shareOf("LinearStepSize", routing.LinearStepSize, fleet, 0.1, 0.5);
      return { ...allAtOnce, ...times, shares: stepsOf(share) };
    }
    default: {
      // The only step is the last: its interval and the wait before the old fleet goes are one after the other.
      const terminationWaitMs = times.waitMs + times.terminationWaitMs;
      return { ...allAtOnce, ...times, waitMs: 0, terminationWaitMs };
    }
  }
}

function rollingOf(policy: NonNullable<DeploymentConfig["RollingUpdatePolicy"]>, fleet: Fleet): Deployment {
  const share = shareOf("MaximumBatchSize", policy.MaximumBatchSize, fleet, 0.05, 0.5);
  const waitMs = 1_000 * (policy.WaitIntervalInSeconds ?? 0);
  return {
    ...allAtOnce,
    ...{ kind: "rolling", shares: stepsOf(share), waitMs, terminationWaitMs: waitMs },
    ...maximum(policy.MaximumExecutionTimeoutInSeconds),
  };
}

/** Equal steps up to everything. */
function stepsOf(share: number): number[] {
  const count = Math.ceil(1 / share - 1e-9);
  return Array.from({ length: count }, (_, step) => Math.min(1, (step + 1) * share));
}

function shareOf(name: string, size: CapacitySize | undefined, fleet: Fleet, least: number, most: number): number {
  if (size?.Value === undefined) throw validationException(`DeploymentConfig: ${name} is missing.`);
  const instances = productionVariants(fleet).reduce((sum, { desiredInstanceCount }) => sum + desiredInstanceCount, 0);
  const isCount = size.Type === "INSTANCE_COUNT";
  const share = isCount ? size.Value / Math.max(1, instances) : size.Value / 100;
  // One instance cannot be divided: then the smallest batch is all of it.
  if (share > most && !(isCount && size.Value === 1)) {
    throw validationException(
      `DeploymentConfig: ${name} is ${describe(size, instances)}; it must be at most ${100 * most} percent of capacity.`,
    );
  }
  if (share < least && !isCount) {
    throw validationException(
      `DeploymentConfig: ${name} is ${describe(size, instances)}; it must be at least ${100 * least} percent of capacity.`,
    );
  }
  return Math.min(1, share);
}

function describe({ Type, Value }: CapacitySize, instances: number): string {
  return Type === "INSTANCE_COUNT" ? `${Value} of ${instances} instances` : `${Value} percent`;
}

function maximum(seconds: number | undefined): { maximumMs?: number } {
  return seconds === undefined ? {} : { maximumMs: 1_000 * seconds };
}

/** A deployment that could never end in time is refused before it begins. */
function checkTime(deployment: Deployment): Deployment {
  const { shares, waitMs, terminationWaitMs, maximumMs } = deployment;
  const waits = (shares.length - 1) * waitMs + terminationWaitMs;
  if (maximumMs === undefined || maximumMs > waits) return deployment;
  throw validationException(
    `DeploymentConfig: MaximumExecutionTimeoutInSeconds is ${maximumMs / 1_000}, and the waiting times alone take ${waits / 1_000} seconds.`,
  );
}
