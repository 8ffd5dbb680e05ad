import { clippedReason } from "../failure-reason.ts";
import { Feeder } from "../feeder/feeder.ts";
import { hostShare, hostsOf } from "../hosts.ts";
import type { RunPlaces } from "../run-places.ts";
import type { Step } from "../step.ts";
import type { TrainingJob, Verdict } from "../training-job.ts";
import { judged } from "../verdicts.ts";
import { channelMode } from "./check-channels.ts";

/** How often the feeders of a running job are looked at: nobody tells of their faults. */
export const feederIntervalMs = 1_000;

/** Whether any host of a job has a stream. */
export function hasStreams({ spec }: Pick<TrainingJob, "spec">): boolean {
  return (spec.InputDataConfig ?? []).some((channel) => channelMode(channel, spec) === "Pipe");
}

/**
 * Why what a training job has read through its Pipe channels cannot be trusted, as a FailureReason; `undefined` when it can.
 * @param places - The places of the job's runs, all of which were started.
 */
export async function feedFault(job: TrainingJob, places: readonly RunPlaces[]): Promise<string | undefined> {
  const streams = (job.spec.InputDataConfig ?? []).filter((channel) => channelMode(channel, job.spec) === "Pipe");
  if (streams.length === 0) return undefined;
  const hosts = hostsOf(job);
  for (const [i, { feeder }] of places.entries()) {
    const host = hosts[i];
    if (host === undefined || !streams.some((channel) => hostShare(job, host, channel))) continue;
    const seen = await new Feeder(feeder).observe();
    if (seen.phase === "absent") return "InternalServerError: The feeder of the job's Pipe channels disappeared.";
    if (seen.phase !== "failed") continue;
    const { by, message } = seen.fault;
    return clippedReason(
      by === "input" ? `ClientError: Data download failed:${message}` : `InternalServerError: ${message}`,
    );
  }
  return undefined;
}

/**
 * The step of a training job that has failed whatever its runs say: its input cannot be trusted, so that they were trained on
 * a part of their data, or they passed a limit. Runs that are lost begin again anyway, and a stop stays a stop.
 */
export function despiteFault(verdict: Verdict, step: Step, job: TrainingJob, now: number): Step {
  const goesOn = step.kind === "wait" || step.kind === "fail";
  const isCompleted = step.kind === "write" && step.job.verdict?.status === "Completed";
  if (!goesOn && !isCompleted) return step;
  return { kind: "write", status: "InProgress", job: judged(job, verdict, now) };
}
