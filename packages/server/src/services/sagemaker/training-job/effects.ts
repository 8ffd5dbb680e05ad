import { again, done, type Outcome } from "../../../reconcile/reconcile.ts";
import { end, fail } from "./ending.ts";
import { feederIntervalMs, hasStreams } from "./input/feed-fault.ts";
import type { EffectsWorld, JobsUnderWay } from "./jobs-under-way.ts";
import type { Change } from "./reconcile.ts";
import { followMetrics, keepCheckpoints, restart, stop, watchHosts } from "./running.ts";
import { prepare, start } from "./starting.ts";
import type { Step } from "./step.ts";
import type { TrainingJobRecord } from "./training-job.ts";

/** What one step is carried out with. */
export interface Effect {
  readonly world: EffectsWorld;
  readonly underWay: JobsUnderWay;
  readonly record: TrainingJobRecord;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Carries out steps. Every step may be repeated after a crash at any point of it. */
export function effects(
  world: EffectsWorld,
  underWay: JobsUnderWay,
): (step: Step, record: TrainingJobRecord) => Promise<Change | Outcome> {
  return async (step, record) => {
    const effect: Effect = { world, underWay, record, now: world.clock.now() };
    switch (step.kind) {
      case "none":
        return done;
      case "write":
        return { status: step.status, job: step.job };
      case "prepare":
        return prepare(effect);
      case "start":
        underWay.hold(record);
        return start(effect, step);
      case "wait":
        underWay.hold(record);
        watchHosts(effect);
        return again(
          Math.min(
            followMetrics(effect, step),
            await keepCheckpoints(effect, step),
            hasStreams(record.value) ? feederIntervalMs : step.ms,
          ),
        );
      case "stop":
        underWay.hold(record);
        return stop(effect, step);
      case "fail":
        return fail(effect, step);
      case "restart":
        return restart(effect, step);
      case "upload":
        return end(effect, step);
      case "clean":
        await underWay.free(record);
        await underWay.metrics.forget(record);
        return done;
    }
  };
}
