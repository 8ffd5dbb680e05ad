import type { Log } from "../../log.ts";
import { again, type Controller, done, type Outcome } from "../../reconcile/reconcile.ts";
import { partitionOf, type Scope } from "../../scope.ts";
import type { ScalableTargetValue } from "../../serving/scaling/scalable-target.ts";
import { type StoredRecord, WriteConflict } from "../../store/store.ts";
import { ScalingStep } from "./scaling-step.ts";
import type { SignalSource } from "./signals.ts";

/** What scaling works with. */
export interface ScalingWorld extends SignalSource {
  readonly log: Log;
  /** Requests that wait for the first instance of a resource. */
  readonly held: (scope: Scope, resourceId: string) => number;
}

/** Drives scalable targets: looks at their alarms and schedules, changes capacity, and notes what became of it. */
export function scalableTargetController(world: ScalingWorld): Controller<ScalableTargetValue> {
  return {
    kind: "scalable-target",
    finalStatuses: [],
    concurrency: 4,
    reconcile: (record) => reconcile(world, record),
  };
}

async function reconcile(world: ScalingWorld, record: StoredRecord<ScalableTargetValue>): Promise<Outcome> {
  const { account, region } = record;
  const scope: Scope = { partition: partitionOf(region), account, region };
  try {
    const next = await new ScalingStep(world, scope, record).run();
    return next === "gone" ? done : again(next);
  } catch (error) {
    // Somebody changed the target or its resource meanwhile: look at what is there now.
    if (error instanceof WriteConflict) return again(0);
    throw error;
  }
}
