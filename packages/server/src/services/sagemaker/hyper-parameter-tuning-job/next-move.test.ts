import { expect, test } from "vitest";
import { type Move, nextMove, type Situation } from "./next-move.ts";
import { config, definition } from "./testkit/tuning.ts";
import { noProgress, type Progress, type TuningJobSpec } from "./tuning-job.ts";

const limits = { MaxNumberOfTrainingJobs: 10, MaxParallelTrainingJobs: 4, MaxRuntimeInSeconds: 600 };

function situation(progress: Partial<Progress>, changes: Partial<Situation> = {}, of: object = {}): Situation {
  const spec = {
    HyperParameterTuningJobName: "t",
    HyperParameterTuningJobConfig: config({ ResourceLimits: limits, ...of }),
    TrainingJobDefinition: definition(),
  } as TuningJobSpec;
  return {
    ...{ job: { spec }, status: "InProgress", isExhausted: false, createdAt: 0, now: 1000 },
    progress: { ...noProgress, ...progress },
    ...changes,
  };
}

const running = (InProgress: number, others: object = {}) => ({
  statuses: { ...noProgress.statuses, InProgress, ...others },
});
const completed = { kind: "end", ending: { status: "Completed" } } as const;

test.for<[string, Situation, Move]>([
  ["as many as may run are launched", situation({}), { kind: "launch", count: 4 }],
  ["and one more for each that ended", situation({ launched: 5, ...running(3) }), { kind: "launch", count: 1 }],
  ["never more than there may be", situation({ launched: 9, ...running(1) }), { kind: "launch", count: 1 }],
  ["the last are waited for", situation({ launched: 10, ...running(2) }), { kind: "wait" }],
  ["after them it is over", situation({ launched: 10 }), completed],
  ["so it is when nothing is left to try", situation({ launched: 3 }, { isExhausted: true }), completed],
  [
    "MaxRuntimeInSeconds ends it, and what runs is stopped",
    situation({ launched: 4, ...running(4) }, { now: 600_000 }),
    { kind: "wind-up", ending: { status: "Completed" } },
  ],
  ["a moment before, it goes on", situation({ launched: 4, ...running(4) }, { now: 599_999 }), { kind: "wait" }],
  [
    "a stop launches nothing more",
    situation({ launched: 1, ...running(1) }, { status: "Stopping" }),
    { kind: "wind-up", ending: { status: "Stopped" } },
  ],
  [
    "a target that is reached just so counts",
    situation(
      { launched: 2, best: { trial: 1, value: 0.5 } },
      {},
      { TuningJobCompletionCriteria: { TargetObjectiveMetricValue: 0.5 } },
    ),
    completed,
  ],
  [
    "one that is not reached does not",
    situation(
      { launched: 2, best: { trial: 1, value: 0.6 } },
      {},
      { TuningJobCompletionCriteria: { TargetObjectiveMetricValue: 0.5 } },
    ),
    { kind: "launch", count: 4 },
  ],
  [
    "internal errors alone do not make it give up early",
    situation({ launched: 5, ...running(0, { RetryableError: 5 }) }),
    { kind: "launch", count: 4 },
  ],
])("%s", ([, now, move]) => expect(nextMove(now)).toEqual(move));
