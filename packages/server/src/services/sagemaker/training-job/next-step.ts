import type { RunState } from "../../../engines/engine.ts";
import { defaultSpotPolicy, type SpotPolicy } from "../../../spot-policy.ts";
import type { Step } from "./step.ts";
import { pendingDeadline, trainingDeadline, waitDeadline } from "./time-limits.ts";
import { isFinal, phaseMessage, type TrainingJob, type TrainingJobRecord, transition } from "./training-job.ts";
import { completed, failed, interrupted, judged, stopped, stopping } from "./verdicts.ts";

/** How long runs may go unobserved: changes wake the key, so this is only a safety net. */
const safetyNetMs = 5_000;
/** A job whose runs are lost over and over would otherwise be started for ever. */
export const maxAttempts = 10;

/**
 * Decides.
 * @param seen - The state of every host's run in the current attempt, in order of the hosts.
 * @param now - Milliseconds since 1970.
 * @param spot - When spot capacity is taken away.
 */
export function nextStep(
  record: TrainingJobRecord,
  seen: readonly RunState[],
  now: number,
  spot: SpotPolicy = defaultSpotPolicy,
): Step {
  const job = record.value;
  if (isFinal(record)) return { kind: seen.every(isAbsent) ? "none" : "clean" };
  if (job.verdict) {
    // The hosts that outlive one that failed have nobody left to work with.
    if (!seen.some(isUnderWay)) return { kind: "upload", verdict: job.verdict };
    return { kind: "stop", grace: job.verdict.kill ? "none" : "short" };
  }
  if (record.status === "Stopping") return whileStopping(job, seen, now);
  switch (job.secondary) {
    case "Starting":
      return whileStarting(record, now);
    case "Downloading":
      return waitedTooLong(record, now) ?? whileDownloading(record, seen, now, spot);
    case "Interrupted":
      return waitedTooLong(record, now) ?? whileInterrupted(job, seen, now);
    default:
      return whileTraining(record, seen, now, spot);
  }
}

function whileStarting(record: TrainingJobRecord, now: number): Step {
  const tooLong = waitedTooLong(record, now);
  if (tooLong || now < pendingDeadline(record)) return tooLong ?? { kind: "prepare" };
  const waitedFor = record.value.transitions.at(-1)?.message ?? "";
  const reason = `CapacityError: Unable to provision requested ML compute capacity within MaxPendingTimeInSeconds. ${waitedFor}`;
  return { kind: "write", status: "InProgress", job: judged(record.value, failed(reason.trim()), now) };
}

function waitedTooLong(record: TrainingJobRecord, now: number): Step | undefined {
  if (now < waitDeadline(record)) return undefined;
  return { kind: "write", status: "Stopping", job: stopping(record.value, "max-wait", now) };
}

/** A stop wins over whatever the runs end with. */
function whileStopping(job: TrainingJob, seen: readonly RunState[], now: number): Step {
  if (seen.some(isUnderWay)) return { kind: "stop", grace: "full" };
  return { kind: "write", status: "Stopping", job: judged(job, stopped(job), now) };
}

/** All start or none: until every run is there, the job is not training. */
function whileDownloading(record: TrainingJobRecord, seen: readonly RunState[], now: number, spot: SpotPolicy): Step {
  const job = record.value;
  if (seen.some(isAbsent)) return { kind: "start", leftovers: !seen.every(isAbsent) };
  if (seen.some(isLost)) return whileTraining(record, seen, now, spot);
  if (seen.some(({ phase }) => phase === "pending")) return { kind: "wait", ms: safetyNetMs };
  const startedAt = Math.max(...seen.filter(hasStarted).map((run) => run.startedAt));
  return { kind: "write", status: "InProgress", job: transition(job, "Training", phaseMessage.training, startedAt) };
}

function whileTraining(record: TrainingJobRecord, seen: readonly RunState[], now: number, spot: SpotPolicy): Step {
  const job = record.value;
  // Before failures: hosts that lose one of theirs often fail for it.
  const gone = seen.find((run) => isLost(run) || isAbsent(run));
  if (gone) return withoutOne(job, seen, gone, now);
  const failure = firstFailure(seen);
  if (failure) return failure;
  if (!seen.some(isUnderWay)) return { kind: "write", status: "InProgress", job: judged(job, completed, now) };
  return untilDeadline(record, Math.min(...seen.filter(hasStarted).map((run) => run.startedAt)), now, spot);
}

/** A host is gone: the others end, and all begin again. */
function withoutOne(job: TrainingJob, seen: readonly RunState[], gone: RunState, now: number): Step {
  const reason = gone.phase === "lost" ? gone.reason : "The run disappeared";
  const allowed = job.spec.RetryStrategy?.MaximumRetryAttempts ?? maxAttempts - 1;
  if (faultsOf(job) >= allowed) {
    const failureReason = `InternalServerError: ${reason}. This was attempt ${job.attempt}, the last.`;
    return { kind: "write", status: "InProgress", job: judged(job, failed(failureReason), now) };
  }
  return seen.some(isUnderWay) ? { kind: "stop", grace: "short" } : { kind: "restart", cause: "fault", reason };
}

/** The failure that ended first, before those that are mostly its consequence. */
function firstFailure(seen: readonly RunState[]): Step | undefined {
  const failures = seen.flatMap((run, host) => {
    if (run.phase !== "exited" || run.exitCode === 0) return [];
    const { exitCode, endedAt, reason } = run;
    return [{ host, exitCode, outOfMemory: reason === "out-of-memory", endedAt }];
  });
  const [first, ...others] = failures.toSorted((a, b) => a.endedAt - b.endedAt);
  return first && { kind: "fail", ...first, others, goesOn: seen.some(isUnderWay) };
}

/** Limits count from when the first host started. */
function untilDeadline(record: TrainingJobRecord, startedAt: number, now: number, spot: SpotPolicy): Step {
  const { what, at } = trainingDeadline(record, startedAt, spot);
  if (at > now) return { kind: "wait", ms: Math.min(at - now, safetyNetMs) };
  if (what === "interruption") return { kind: "write", status: "InProgress", job: interrupted(record.value, now) };
  return { kind: "write", status: "Stopping", job: stopping(record.value, what, now) };
}

/** The hosts save what they have and end; what had ended before that counts as if there had been no interruption. */
function whileInterrupted(job: TrainingJob, seen: readonly RunState[], now: number): Step {
  const before = seen.filter((run) => run.phase === "exited" && run.endedAt <= (job.interruptedAt ?? 0));
  if (before.length === seen.length) {
    return firstFailure(seen) ?? { kind: "write", status: "InProgress", job: judged(job, completed, now) };
  }
  return seen.some(isUnderWay) ? { kind: "stop", grace: "full" } : { kind: "restart", cause: "interruption" };
}

/** Records of older versions counted attempts only. */
function faultsOf(job: TrainingJob): number {
  return job.faults ?? job.attempt - 1;
}

const isAbsent = ({ phase }: RunState) => phase === "absent";
const isLost = ({ phase }: RunState) => phase === "lost";
const isUnderWay = ({ phase }: RunState) => phase === "running" || phase === "pending";
const hasStarted = (run: RunState) => run.phase === "running" || run.phase === "exited";
