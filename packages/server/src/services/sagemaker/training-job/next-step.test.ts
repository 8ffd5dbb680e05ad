import { expect, test } from "vitest";
import type { RunState } from "../../../engines/engine.ts";
import { maxAttempts, nextStep } from "./next-step.ts";
import { trainingJob } from "./testkit/job-server.ts";
import type { TrainingJob, TrainingJobRecord, TrainingJobSpec, Verdict } from "./training-job.ts";

const now = 1_000_000;
const absent: RunState = { phase: "absent" };
const running: RunState = { phase: "running", startedAt: now - 10_000, address: "" };
const lost: RunState = { phase: "lost", reason: "The host restarted" };
const exited = (exitCode: number): RunState => ({ phase: "exited", startedAt: now - 10, endedAt: now, exitCode });
const onDemand = trainingJob() as TrainingJobSpec;
const spot: TrainingJobSpec = {
  ...onDemand,
  EnableManagedSpotTraining: true,
  StoppingCondition: { MaxRuntimeInSeconds: 3_600, MaxWaitTimeInSeconds: 7_200 },
};
const verdict: Verdict = { status: "Completed", secondary: "Completed", message: "done" };

function record(status: string, change: Partial<TrainingJob>): TrainingJobRecord {
  const value: TrainingJob = {
    arn: "arn",
    spec: trainingJob() as TrainingJobSpec,
    hosts: 1,
    secondary: "Starting",
    transitions: [{ status: "Starting", startedAt: 0, message: "" }],
    attempt: 1,
    ranBeforeMs: 0,
    notices: [],
    ...change,
  };
  const key = { account: "1", region: "r", kind: "training-job", name: "a" };
  return { ...key, version: 1, createdAt: 0, modifiedAt: 0, status, value };
}

test.for<[string, string, Partial<TrainingJob>, RunState, object]>([
  ["prepares a fresh job", "InProgress", {}, absent, { kind: "prepare" }],
  ["starts a prepared job", "InProgress", { secondary: "Downloading" }, absent, { kind: "start" }],
  ["waits for a start", "InProgress", { secondary: "Downloading" }, { phase: "pending" }, { kind: "wait" }],
  ["shows that it trains", "InProgress", { secondary: "Downloading" }, running, { job: { secondary: "Training" } }],
  ["lets it train", "InProgress", { secondary: "Training" }, running, { kind: "wait", ms: 5_000 }],
  [
    "stops at the time limit, earlier attempts counted",
    "InProgress",
    { secondary: "Training", ranBeforeMs: 3_590_000 },
    running,
    { status: "Stopping", job: { stop: "max-runtime", secondary: "Stopping" } },
  ],
  [
    "shows a quick run's training",
    "InProgress",
    { secondary: "Downloading" },
    exited(0),
    { job: { secondary: "Training" } },
  ],
  ["completes", "InProgress", { secondary: "Training" }, exited(0), { job: { verdict: { status: "Completed" } } }],
  ["fails", "InProgress", { secondary: "Training" }, exited(3), { kind: "fail", exitCode: 3 }],
  ["starts a lost run again", "InProgress", { secondary: "Training" }, lost, { kind: "restart" }],
  ["starts a vanished run again", "InProgress", { secondary: "Training" }, absent, { kind: "restart" }],
  [
    "gives up in the end",
    "InProgress",
    { secondary: "Training", attempt: maxAttempts },
    lost,
    { job: { verdict: { status: "Failed", failureReason: expect.stringMatching(/^InternalServerError: The host/) } } },
  ],
  [
    "retries a lost run as often as it asked for",
    "InProgress",
    { secondary: "Training", attempt: 4, faults: 1, spec: { ...spot, RetryStrategy: { MaximumRetryAttempts: 2 } } },
    lost,
    { kind: "restart", cause: "fault" },
  ],
  [
    "and no more often",
    "InProgress",
    { secondary: "Training", attempt: 4, faults: 2, spec: { ...spot, RetryStrategy: { MaximumRetryAttempts: 2 } } },
    lost,
    { job: { verdict: { status: "Failed" } } },
  ],
  [
    "stops a spot job that waited too long before it began",
    "InProgress",
    { spec: { ...spot, StoppingCondition: { MaxWaitTimeInSeconds: 1_000 } } },
    absent,
    { status: "Stopping", job: { stop: "max-wait" } },
  ],
  [
    "stops a spot job that waited too long while it trains",
    "InProgress",
    { secondary: "Training", spec: { ...spot, StoppingCondition: { MaxWaitTimeInSeconds: 1_000 } } },
    running,
    { status: "Stopping", job: { stop: "max-wait" } },
  ],
  [
    "lets a spot job complete that trained longer than it might wait",
    "InProgress",
    { secondary: "Training", spec: { ...spot, StoppingCondition: { MaxWaitTimeInSeconds: 1_000 } } },
    exited(0),
    { job: { verdict: { status: "Completed" } } },
  ],
  [
    "ends as what it was: too long a wait",
    "Stopping",
    { secondary: "Stopping", stop: "max-wait" },
    absent,
    { job: { verdict: { status: "Stopped", secondary: "MaxWaitTimeExceeded" } } },
  ],
  [
    "fails a job that found no room in time, with what it waited for",
    "InProgress",
    {
      transitions: [{ status: "Starting", startedAt: 0, message: "Waiting for room" }],
      spec: { ...onDemand, StoppingCondition: { MaxPendingTimeInSeconds: 1_000 } },
    },
    absent,
    { job: { verdict: { failureReason: expect.stringMatching(/^CapacityError: .*Waiting for room$/) } } },
  ],
  [
    "gives interrupted hosts time",
    "InProgress",
    { secondary: "Interrupted", interruptedAt: now - 1, spec: spot },
    running,
    { kind: "stop", grace: "full" },
  ],
  [
    "begins an interrupted job again",
    "InProgress",
    { secondary: "Interrupted", interruptedAt: now - 1, spec: spot },
    exited(143),
    { kind: "restart", cause: "interruption" },
  ],
  [
    "completes a job that had ended before its interruption",
    "InProgress",
    { secondary: "Interrupted", interruptedAt: now + 1, spec: spot },
    exited(0),
    { job: { verdict: { status: "Completed" } } },
  ],
  [
    "a stop wins over an interruption",
    "Stopping",
    { secondary: "Stopping", stop: "user", interruptedAt: now - 1, spec: spot },
    exited(143),
    { job: { verdict: { status: "Stopped" } } },
  ],
  ["stops a run", "Stopping", { secondary: "Stopping" }, running, { kind: "stop" }],
  [
    "stops before the start",
    "Stopping",
    { secondary: "Stopping" },
    absent,
    { job: { verdict: { status: "Stopped" } } },
  ],
  [
    "a stop wins over a failing exit",
    "Stopping",
    { secondary: "Stopping" },
    exited(1),
    { job: { verdict: { status: "Stopped" } } },
  ],
  [
    "a stop wins over a lost run",
    "Stopping",
    { secondary: "Stopping" },
    lost,
    { job: { verdict: { status: "Stopped" } } },
  ],
  ["uploads", "InProgress", { verdict }, exited(0), { kind: "upload", verdict }],
  ["leaves an ended job alone", "Completed", {}, absent, { kind: "none" }],
  ["frees what an ended job left", "Completed", {}, exited(0), { kind: "clean" }],
])("%s", ([, status, change, seen, step]) => {
  expect(nextStep(record(status, change), [seen], now)).toMatchObject(step);
});

const failedAt = (endedAt: number): RunState => ({ phase: "exited", startedAt: now - 9_000, endedAt, exitCode: 1 });
const startedAt = (time: number): RunState => ({ phase: "running", startedAt: time, address: "" });
const failure: Verdict = { status: "Failed", secondary: "Failed", message: "", failureReason: "" };

test.for<[string, string, Partial<TrainingJob>, RunState[], object]>([
  ["starts all hosts", "InProgress", { secondary: "Downloading" }, [absent, absent], { leftovers: false }],
  [
    "starts all again when a server died between",
    "InProgress",
    { secondary: "Downloading" },
    [running, absent],
    { kind: "start", leftovers: true },
  ],
  [
    "waits for all to run",
    "InProgress",
    { secondary: "Downloading" },
    [running, { phase: "pending" }],
    { kind: "wait" },
  ],
  [
    "trains when the last has started",
    "InProgress",
    { secondary: "Downloading" },
    [startedAt(1), startedAt(2)],
    { job: { secondary: "Training", transitions: [{ endedAt: 2 }, { startedAt: 2 }] } },
  ],
  ["waits for the last to end", "InProgress", { secondary: "Training" }, [exited(0), running], { kind: "wait" }],
  [
    "completes when all have ended well",
    "InProgress",
    { secondary: "Training" },
    [exited(0), exited(0)],
    { job: { verdict: { status: "Completed" } } },
  ],
  [
    "fails with one host",
    "InProgress",
    { secondary: "Training" },
    [running, exited(3)],
    { kind: "fail", host: 1, exitCode: 3 },
  ],
  [
    "fails for what came first",
    "InProgress",
    { secondary: "Training" },
    [failedAt(30), failedAt(20), failedAt(20)],
    { kind: "fail", host: 1 },
  ],
  ["tears the rest down", "InProgress", { verdict: failure }, [running, exited(3)], { kind: "stop", grace: "short" }],
  ["uploads once the rest is down", "InProgress", { verdict: failure }, [exited(143), exited(3)], { kind: "upload" }],
  [
    "ends the others of a lost host",
    "InProgress",
    { secondary: "Training" },
    [running, lost],
    { kind: "stop", grace: "short" },
  ],
  [
    "restarts rather than fails for a lost host",
    "InProgress",
    { secondary: "Training" },
    [exited(1), lost],
    { kind: "restart", reason: "The host restarted" },
  ],
  ["restarts when one disappeared", "InProgress", { secondary: "Training" }, [exited(0), absent], { kind: "restart" }],
  [
    "counts its time from the first start",
    "InProgress",
    { secondary: "Training" },
    [startedAt(now - 3_600_000), running],
    { job: { stop: "max-runtime" } },
  ],
  [
    "stops all that run",
    "Stopping",
    { secondary: "Stopping" },
    [exited(0), running, lost],
    { kind: "stop", grace: "full" },
  ],
  [
    "stops before all have started",
    "Stopping",
    { secondary: "Stopping" },
    [running, absent],
    { kind: "stop", grace: "full" },
  ],
  [
    "has stopped when none runs",
    "Stopping",
    { secondary: "Stopping" },
    [exited(1), lost, absent],
    { job: { verdict: { status: "Stopped" } } },
  ],
  ["frees what any host left", "Completed", {}, [absent, exited(0)], { kind: "clean" }],
])("of several hosts: %s", ([, status, change, seen, step]) => {
  expect(nextStep(record(status, { hosts: seen.length, ...change }), seen, now)).toMatchObject(step);
});

test("capacity is taken from spot jobs when the policy says so, and from nobody else", () => {
  const policy = { discount: 0.7, hourlyProbability: 0, minutesOfHour: [0] };
  const hour = 3_600_000;
  const began: RunState = { phase: "running", startedAt: hour - 60_000, address: "" };
  const at = (value: Partial<TrainingJob>, time: number) =>
    nextStep(record("InProgress", { secondary: "Training", ...value }), [began], time, policy);
  expect(at({ spec: spot }, hour - 2_000)).toEqual({ kind: "wait", ms: 2_000 });
  expect(at({ spec: spot }, hour)).toMatchObject({ job: { secondary: "Interrupted", interruptedAt: hour } });
  expect(at({ spec: onDemand }, hour)).toMatchObject({ kind: "wait" });
});
