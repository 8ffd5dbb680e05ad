import { expect, test } from "vitest";
import { progressOf } from "./counters.ts";
import { noProgress, type TuningTrial } from "./tuning-job.ts";

function trial(number: number, of: Partial<TuningTrial>): TuningTrial {
  return {
    ...{ trial: number, definition: 0, suggestion: number, job: `j-${number}`, jobArn: `arn/${number}`, values: {} },
    ...{ status: "Completed", endedAt: number },
    ...of,
  };
}

test("training jobs are counted by how they ended, and whose fault that was", () => {
  const { endedAt: _, ...open } = trial(7, { status: "InProgress" });
  const progress = progressOf(
    [
      trial(1, { objective: 3 }),
      trial(2, { status: "Stopped", objective: 2 }),
      trial(3, { status: "Stopped" }),
      trial(4, { status: "Failed", failureReason: "AlgorithmError: ExecuteUserScriptError", objective: 1 }),
      trial(5, { status: "Failed", failureReason: "InternalServerError: the host is gone" }),
      trial(6, { status: "Failed", failureReason: "CapacityError: no room" }),
      open,
    ],
    ...(["Minimize", noProgress, 0] as const),
  );
  expect(progress).toMatchObject({
    launched: 7,
    statuses: { Completed: 1, InProgress: 1, RetryableError: 2, NonRetryableError: 1, Stopped: 2 },
    objectives: { Succeeded: 2, Pending: 1, Failed: 4 },
    // A failed training job's objective is no best one.
    best: { trial: 2, value: 2 },
  });
});

test("small gains that add up to a hundredth count as an improvement", () => {
  const values = [100, 99.6, 99.3, 98.9, 98.8];
  const progress = progressOf(
    values.map((objective, index) => trial(index + 1, { objective })),
    ...(["Minimize", noProgress, 0] as const),
  );
  expect(progress).toMatchObject({ best: { trial: 5 }, notImproving: 1 });
});

test("convergence is told once, when it is first seen", () => {
  const flat = Array.from({ length: 21 }, (_, index) => trial(index + 1, { objective: 1 }));
  const first = progressOf(flat, "Maximize", noProgress, 500);
  expect(first.convergedAt).toBe(500);
  expect(progressOf(flat, "Maximize", first, 900).convergedAt).toBe(500);
});
