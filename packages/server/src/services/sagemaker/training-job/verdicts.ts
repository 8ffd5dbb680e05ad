import { phaseMessage, type StoppedBy, type TrainingJob, transition, type Verdict } from "./training-job.ts";

/** How a job ends whose hosts all ended well. */
export const completed: Verdict = { status: "Completed", secondary: "Completed", message: phaseMessage.completed };

/** How a job ends that failed: it says why in its last message, too. */
export function failed(failureReason: string): Verdict {
  return { status: "Failed", secondary: "Failed", message: failureReason, failureReason };
}

/** How a job ends that was stopped, by whom it was. */
export function stopped(job: TrainingJob): Verdict {
  switch (job.stop) {
    case "max-runtime":
      return { status: "Stopped", secondary: "MaxRuntimeExceeded", message: phaseMessage.maxRuntime };
    case "max-wait":
      return { status: "Stopped", secondary: "MaxWaitTimeExceeded", message: phaseMessage.maxWait };
    default:
      return { status: "Stopped", secondary: "Stopped", message: phaseMessage.stopped };
  }
}

/** The job as somebody stops it. One whose runs have ended already goes on uploading, and ends as stopped. */
export function stopping(job: TrainingJob, by: StoppedBy, now: number): TrainingJob {
  const next: TrainingJob = { ...transition(job, "Stopping", phaseMessage.stopping, now), stop: by };
  return job.verdict ? { ...next, verdict: stopped(next) } : next;
}

/** The job as its spot capacity is taken away: it has a while to save what it has, then it begins again. */
export function interrupted(job: TrainingJob, now: number): TrainingJob {
  return { ...transition(job, "Interrupted", phaseMessage.interrupted, now), interruptedAt: now };
}

/** The job with its end decided; a completed one shows that it uploads. */
export function judged(job: TrainingJob, verdict: Verdict, now: number): TrainingJob {
  const shown = verdict.status === "Completed" ? transition(job, "Uploading", phaseMessage.uploading, now) : job;
  return { ...shown, verdict, endedAt: now };
}
