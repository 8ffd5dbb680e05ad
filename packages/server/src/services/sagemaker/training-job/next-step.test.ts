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
const verdict: Verdict = { status: "Completed", secondary: "Completed", message: "done" };

function record(status: string, change: Partial<TrainingJob>): TrainingJobRecord {
  const value: TrainingJob = {
    arn: "arn",
    spec: trainingJob() as TrainingJobSpec,
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
  expect(nextStep(record(status, change), seen, now)).toMatchObject(step);
});
