import { ServiceError } from "../../../errors.ts";
import type { Platform } from "../../../platform.ts";
import { again, type Controller, done, type Outcome } from "../../../reconcile/reconcile.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";
import { tuningJobs } from "../hyper-parameter-tuning-job/resource.ts";
import { stopTuningJob } from "../hyper-parameter-tuning-job/stop.ts";
import { scopeOf } from "../training-job/training-job.ts";
import {
  type AutoMLJob,
  type AutoMLJobRecord,
  autoMLJobKind,
  finalAutoMLStatuses,
  isEnded,
  type Phase,
} from "./auto-ml-job.ts";
import { analysisOf, stopChildren, write } from "./launch.ts";
import { analyzePhase } from "./phases/analyze.ts";
import { chooseBest } from "./phases/choose-best.ts";
import { deployPhase } from "./phases/deploy.ts";
import { end } from "./phases/end.ts";
import { ensemblesPhase } from "./phases/ensembles.ts";
import { featuresPhase } from "./phases/features.ts";
import { type PhaseStep, pollMs } from "./phases/phase.ts";
import { reportPhase } from "./phases/report.ts";
import { searchPhase } from "./phases/search.ts";

/** How long a job waits for room that its account does not have. */
const noRoomMs = 5_000;

const steps: Readonly<Record<Phase, PhaseStep>> = {
  analyze: analyzePhase,
  features: featuresPhase,
  candidates: (place, record) =>
    (analysisOf(record).mode === "ENSEMBLING" ? ensemblesPhase : searchPhase)(place, record),
  report: reportPhase,
  deploy: deployPhase,
};

/** Drives Autopilot jobs: looks at the data, makes candidates, looks at the best one, and deploys it where that is wanted. */
export function autoMLJobController(platform: Platform): Controller<AutoMLJob> {
  return {
    kind: autoMLJobKind,
    finalStatuses: finalAutoMLStatuses,
    concurrency: 4,
    async reconcile(record) {
      if (isEnded(record)) return done;
      const place = { platform, scope: scopeOf(record) };
      try {
        return await step(place, record);
      } catch (error) {
        if (error instanceof WriteConflict) return again(0);
        if (!(error instanceof ServiceError)) throw error;
        if (error.code === "ResourceLimitExceeded") return again(noRoomMs);
        return await end(place, record, "Failed", { reason: `A training job could not be created: ${error.message}` });
      }
    },
  };
}

async function step(place: OperationPlace, record: AutoMLJobRecord): Promise<Outcome> {
  if (record.status === "Stopping") {
    if ((await stopAll(place, record)) > 0) return again(pollMs);
    return await end(place, record, "Stopped");
  }
  const { phase, isOverTime } = record.value;
  const mayStop = phase !== "report" && phase !== "deploy";
  const left = timeLeft(record, place.platform.clock.now());
  if (left <= 0 && mayStop) {
    if (!isOverTime) {
      await write(place, record, { ...record.value, isOverTime: true, secondary: "MaxAutoMLJobRuntimeReached" });
      return again(0);
    }
    if ((await stopAll(place, record)) > 0) return again(pollMs);
    return await chooseBest(place, record);
  }
  const outcome = await steps[phase](place, record);
  // Whoever waits for a training job must not sleep through the end of the job's own time.
  return outcome.again && mayStop ? again(Math.min(outcome.afterMs, Math.max(0, left))) : outcome;
}

/** Milliseconds until MaxAutoMLJobRuntimeInSeconds is over. */
function timeLeft({ value, createdAt }: AutoMLJobRecord, now: number): number {
  const seconds = value.order.completion.MaxAutoMLJobRuntimeInSeconds;
  return seconds === undefined ? Number.POSITIVE_INFINITY : createdAt + seconds * 1000 - now;
}

/** Asks everything that runs to stop. @returns How much still runs. */
async function stopAll(place: OperationPlace, { value }: AutoMLJobRecord): Promise<number> {
  const { analysisJob, features, ensembles, reportJob, search } = value;
  const children = [analysisJob, reportJob].flatMap((child) => (child ? [child] : []));
  const running = await stopChildren(place, [...children, ...features, ...ensembles]);
  if (!search) return running;
  const tuning = await place.platform.store.get(tuningJobs.key(place.scope, search.name));
  if (!tuning || ["Completed", "Failed", "Stopped"].includes(tuning.status as string)) return running;
  if (tuning.status === "InProgress") await stopTuningJob(search.name, place);
  return running + 1;
}
