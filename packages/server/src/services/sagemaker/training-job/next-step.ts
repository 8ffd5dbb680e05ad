import type { RunState } from "../../../engines/engine.ts";
import type { Step } from "./step.ts";
import { isFinal, phaseMessage, type TrainingJob, type TrainingJobRecord, transition } from "./training-job.ts";
import { completed, failed, judged, stopped, stopping } from "./verdicts.ts";

/** How long runs may go unobserved: changes wake the key, so this is only a safety net. */
const safetyNetMs = 5_000;
/** SageMaker's default for StoppingCondition.MaxRuntimeInSeconds. */
export const defaultMaxRuntimeSeconds = 86_400;
/** A job whose runs are lost over and over would otherwise be started for ever. */
export const maxAttempts = 10;

/**
 * Decides.
 * @param seen - The state of every host's run in the current attempt, in order of the hosts.
 * @param now - Milliseconds since 1970.
 */
export function nextStep(record: TrainingJobRecord, seen: readonly RunState[], now: number): Step {
  const job = record.value;
  if (isFinal(record)) return { kind: seen.every(isAbsent) ? "none" : "clean" };
  if (job.verdict) {
    // The hosts that outlive one that failed have nobody left to work with.
    return seen.some(isUnderWay) ? { kind: "stop", grace: "short" } : { kind: "upload", verdict: job.verdict };
  }
  if (record.status === "Stopping") return whileStopping(job, seen, now);
  switch (job.secondary) {
    case "Starting":
      return { kind: "prepare" };
    case "Downloading":
      return whileDownloading(job, seen, now);
    default:
      return whileTraining(job, seen, now);
  }
}

/** A stop wins over whatever the runs end with. */
function whileStopping(job: TrainingJob, seen: readonly RunState[], now: number): Step {
  if (seen.some(isUnderWay)) return { kind: "stop", grace: "full" };
  return { kind: "write", status: "Stopping", job: judged(job, stopped(job), now) };
}

/** All start or none: until every run is there, the job is not training. */
function whileDownloading(job: TrainingJob, seen: readonly RunState[], now: number): Step {
  if (seen.some(isAbsent)) return { kind: "start", leftovers: !seen.every(isAbsent) };
  if (seen.some(isLost)) return whileTraining(job, seen, now);
  if (seen.some(({ phase }) => phase === "pending")) return { kind: "wait", ms: safetyNetMs };
  const startedAt = Math.max(...seen.filter(hasStarted).map((run) => run.startedAt));
  return { kind: "write", status: "InProgress", job: transition(job, "Training", phaseMessage.training, startedAt) };
}

function whileTraining(job: TrainingJob, seen: readonly RunState[], now: number): Step {
  // Before failures: hosts that lose one of theirs often fail for it.
  const gone = seen.find((run) => isLost(run) || isAbsent(run));
  if (gone) return withoutOne(job, seen, gone, now);
  const failure = firstFailure(seen);
  if (failure) return failure;
  if (!seen.some(isUnderWay)) return { kind: "write", status: "InProgress", job: judged(job, completed, now) };
  return untilTimeLimit(job, Math.min(...seen.filter(hasStarted).map((run) => run.startedAt)), now);
}

/** A host is gone: the others end, and all begin again. */
function withoutOne(job: TrainingJob, seen: readonly RunState[], gone: RunState, now: number): Step {
  const reason = gone.phase === "lost" ? gone.reason : "The run disappeared";
  if (job.attempt >= maxAttempts) {
    const failureReason = `InternalServerError: ${reason}. This was attempt ${job.attempt}, the last.`;
    return { kind: "write", status: "InProgress", job: judged(job, failed(failureReason), now) };
  }
  return seen.some(isUnderWay) ? { kind: "stop", grace: "short" } : { kind: "restart", reason };
}

/** The failure that ended first: what others end with afterwards is mostly its consequence. */
function firstFailure(seen: readonly RunState[]): Step | undefined {
  const failures = seen.flatMap((run, host) =>
    run.phase === "exited" && run.exitCode !== 0 ? [{ ...run, host }] : [],
  );
  const [first] = failures.toSorted((a, b) => a.endedAt - b.endedAt);
  if (!first) return undefined;
  const { host, exitCode, reason } = first;
  return { kind: "fail", host, exitCode, outOfMemory: reason === "out-of-memory" };
}

/** The limit counts from when the first host started, earlier attempts added. */
function untilTimeLimit(job: TrainingJob, startedAt: number, now: number): Step {
  const limitMs = (job.spec.StoppingCondition?.MaxRuntimeInSeconds ?? defaultMaxRuntimeSeconds) * 1000;
  const leftMs = limitMs - job.ranBeforeMs - (now - startedAt);
  if (leftMs > 0) return { kind: "wait", ms: Math.min(leftMs, safetyNetMs) };
  return { kind: "write", status: "Stopping", job: stopping(job, "max-runtime", now) };
}

const isAbsent = ({ phase }: RunState) => phase === "absent";
const isLost = ({ phase }: RunState) => phase === "lost";
const isUnderWay = ({ phase }: RunState) => phase === "running" || phase === "pending";
const hasStarted = (run: RunState) => run.phase === "running" || run.phase === "exited";
