import type { Capacity } from "../../../capacity/capacity.ts";
import type { MetricStore } from "../../../metrics/metric-store.ts";
import type { Controller } from "../../../reconcile/reconcile.ts";
import type { RoleOfRun } from "../../../run-access.ts";
import { instanceOfRun } from "../../../serving/fleet.ts";
import type { InstanceWorld } from "../model-instance/start-instance.ts";
import { JobsUnderWay } from "./jobs-under-way.ts";
import { TransformStep } from "./step.ts";
import { finalStatuses, isFinal, type TransformJob, transformJobKind } from "./transform-job.ts";

/** What drives transform jobs. */
export interface TransformWorld extends InstanceWorld {
  /** The machine's capacity, which training jobs have their share of too. */
  readonly room: Capacity;
  /** Where what instances use is kept. */
  readonly hostMetrics: MetricStore;
}

/** The controller, and whose credentials an instance may have. */
export interface TransformJobController extends Controller<TransformJob> {
  /** The execution role of a run's model, for as long as its job runs. */
  readonly roleOf: RoleOfRun;
  /** Drops what is under way: the next server takes it up behind the last finished object. Instances go on. */
  close(): Promise<void>;
}

/** Jobs looked at at once. A look is short, but one that ends a job waits for its instances. */
const concurrency = 32;

/** Moves transform jobs towards their end. */
export function transformJobController(world: TransformWorld): TransformJobController {
  const underWay = new JobsUnderWay(world);
  return {
    ...{ kind: transformJobKind, finalStatuses, concurrency },
    reconcile: (record) => new TransformStep(world, underWay, record).run(),
    roleOf: async (runId) => {
      const owner = world.ownerOf(runId);
      if (owner?.kind !== transformJobKind) return undefined;
      const record = await world.store.get<TransformJob>(owner);
      if (record === undefined || isFinal(record)) return undefined;
      const { instances, containers } = record.value;
      const [{ needsIsolation, executionRoleArn: arn }] = containers;
      const isMine = instances.some((instance) => instance.runId === instanceOfRun(runId));
      return !isMine || needsIsolation || arn === undefined ? undefined : { arn };
    },
    close: () => underWay.close(),
  };
}
