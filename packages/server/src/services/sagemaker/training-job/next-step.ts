import type { RunState } from "../../../engines/engine.ts";
import {
  isFinal,
  phaseMessage,
  type TrainingJob,
  type TrainingJobRecord,
  transition,
  type Verdict,
} from "./training-job.ts";

/** The one thing to do next for a job. */
export type Step =
  /** Nothing, ever. */
  | { readonly kind: "none" }
  /** The job has ended: free everything its run had. */
  | { readonly kind: "clean" }
  /** Nothing until the run changes or `ms` have passed. */
  | { readonly kind: "wait"; readonly ms: number }
  /** Allot the machine: writes Downloading and makes the log stream. */
  | { readonly kind: "prepare" }
  /** Lay out /opt/ml and start the run. */
  | { readonly kind: "start" }
  /** Record what was seen. */
  | { readonly kind: "write"; readonly status: string; readonly job: TrainingJob }
  /** Ask the run to end. */
  | { readonly kind: "stop" }
  /** The run ended by itself with an error: find out why, then record the verdict. */
  | { readonly kind: "fail"; readonly exitCode: number; readonly outOfMemory: boolean }
  /** The run is gone without a result: save what checkpoints it left and begin again. */
  | { readonly kind: "restart"; readonly reason: string }
  /** Bring artifacts to S3, read the metrics off the log, and let the record become what the verdict says. */
  | { readonly kind: "upload"; readonly verdict: Verdict };

/** How long a run may go unobserved: changes wake the key, so this is only a safety net. */
const safetyNetMs = 5_000;
/** SageMaker's default for StoppingCondition.MaxRuntimeInSeconds. */
export const defaultMaxRuntimeSeconds = 86_400;
/** A run that is lost over and over would otherwise be started for ever. */
export const maxAttempts = 10;

/** Decides. `seen` is the state of the current attempt's run, `now` milliseconds since 1970. */
export function nextStep(record: TrainingJobRecord, seen: RunState, now: number): Step {
  const job = record.value;
  if (isFinal(record)) return { kind: seen.phase === "absent" ? "none" : "clean" };
  if (job.verdict) return { kind: "upload", verdict: job.verdict };
  return record.status === "Stopping" ? whileStopping(job, seen, now) : whileInProgress(job, seen, now);
}

function whileInProgress(job: TrainingJob, seen: RunState, now: number): Step {
  switch (seen.phase) {
    case "absent":
      if (job.secondary === "Starting") return { kind: "prepare" };
      if (job.secondary === "Downloading") return { kind: "start" };
      return restart(job, "The run disappeared", now);
    case "pending":
      return { kind: "wait", ms: safetyNetMs };
    case "running":
      if (job.secondary !== "Training") return inTraining(job, seen.startedAt);
      return whileRunning(job, seen.startedAt, now);
    case "exited":
      if (job.secondary !== "Training") return inTraining(job, seen.startedAt);
      if (seen.exitCode === 0) return { kind: "write", status: "InProgress", job: judged(job, completed, now) };
      return { kind: "fail", exitCode: seen.exitCode, outOfMemory: seen.reason === "out-of-memory" };
    case "lost":
      return restart(job, seen.reason, now);
  }
}

function whileRunning(job: TrainingJob, startedAt: number, now: number): Step {
  const limitMs = (job.spec.StoppingCondition?.MaxRuntimeInSeconds ?? defaultMaxRuntimeSeconds) * 1000;
  const leftMs = limitMs - job.ranBeforeMs - (now - startedAt);
  if (leftMs > 0) return { kind: "wait", ms: Math.min(leftMs, safetyNetMs) };
  return { kind: "write", status: "Stopping", job: stopping(job, "max-runtime", now) };
}

/** A stop wins over whatever the run ends with. */
function whileStopping(job: TrainingJob, seen: RunState, now: number): Step {
  if (seen.phase === "running" || seen.phase === "pending") return { kind: "stop" };
  return { kind: "write", status: "Stopping", job: judged(job, stopped(job), now) };
}

function inTraining(job: TrainingJob, startedAt: number): Step {
  return { kind: "write", status: "InProgress", job: transition(job, "Training", phaseMessage.training, startedAt) };
}

function restart(job: TrainingJob, reason: string, now: number): Step {
  if (job.attempt < maxAttempts) return { kind: "restart", reason };
  const failureReason = `InternalServerError: ${reason}. This was attempt ${job.attempt}, the last.`;
  return { kind: "write", status: "InProgress", job: judged(job, failed(failureReason), now) };
}

/** The job as somebody stops it. One whose run has ended already goes on uploading, and ends as stopped. */
export function stopping(job: TrainingJob, by: "user" | "max-runtime", now: number): TrainingJob {
  const next: TrainingJob = { ...transition(job, "Stopping", phaseMessage.stopping, now), stop: by };
  return job.verdict ? { ...next, verdict: stopped(next) } : next;
}

/** The job with its end decided; a completed one shows that it uploads. */
export function judged(job: TrainingJob, verdict: Verdict, now: number): TrainingJob {
  const shown = verdict.status === "Completed" ? transition(job, "Uploading", phaseMessage.uploading, now) : job;
  return { ...shown, verdict, endedAt: now };
}

const completed: Verdict = { status: "Completed", secondary: "Completed", message: phaseMessage.completed };

/** A failed job says why in its last message, too. */
export function failed(failureReason: string): Verdict {
  return { status: "Failed", secondary: "Failed", message: failureReason, failureReason };
}

function stopped(job: TrainingJob): Verdict {
  return job.stop === "max-runtime"
    ? { status: "Stopped", secondary: "MaxRuntimeExceeded", message: phaseMessage.maxRuntime }
    : { status: "Stopped", secondary: "Stopped", message: phaseMessage.stopped };
}
