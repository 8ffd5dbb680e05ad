import { stat } from "node:fs/promises";
import { again, type Outcome } from "../../../reconcile/reconcile.ts";
import type { Effect } from "./effects.ts";
import { hasFolders } from "./job-folders.ts";
import { hasMetrics } from "./job-metrics.ts";
import { allotment } from "./layout.ts";
import type { Change } from "./reconcile.ts";
import type { Step } from "./step.ts";
import { phaseMessage, type TrainingJob, type Transition, transition } from "./training-job.ts";

/** How long a stopped job may take to write what it has, as `docker stop -t 120`. */
const graceMs = 120_000;
/** How long hosts whose job is lost may take to end. */
const shortGraceMs = 10_000;
/** How often checkpoints of a running job are looked at. */
const checkpointIntervalMs = 2_000;
/** How often logs are looked at for metrics, and what that grows by with each log. */
const [metricIntervalMs, eachLogMs] = [1_000, 20];
/** How often stopping runs are looked at, besides the wake-ups when they end. */
const stoppingIntervalMs = 5_000;

/** Brings new checkpoints and the like to S3 while a job runs. @returns After how many milliseconds to look again. */
export async function keepCheckpoints(
  { underWay, record }: Effect,
  { ms }: Pick<Step & { kind: "wait" }, "ms">,
): Promise<number> {
  const { spec, secondary } = record.value;
  if (secondary !== "Training" || !hasFolders(spec)) return ms;
  await underWay.syncOf(record).sync(false);
  return Math.min(ms, checkpointIntervalMs);
}

/** Has metrics read off the logs while a job runs. @returns After how many milliseconds to look again. */
export function followMetrics({ underWay, record }: Effect, { ms }: Pick<Step & { kind: "wait" }, "ms">): number {
  if (record.value.secondary !== "Training" || !hasMetrics(record)) return ms;
  underWay.metrics.follow(record, underWay.places(record));
  return Math.min(ms, Math.max(metricIntervalMs, underWay.metrics.followed * eachLogMs));
}

/** Looks at what the hosts of a running job use, and how full their volumes are. */
export function watchHosts({ world, underWay, record }: Effect): void {
  if (record.value.secondary !== "Training") return;
  for (const places of underWay.places(record)) {
    underWay.volumes.watch(record, places);
    underWay.monitor.watch(record, places, allotment(record.value, places.host, world.host));
  }
}

/** Asks all runs to end. */
export async function stop(
  { underWay, record, now }: Effect,
  { grace }: Pick<Step & { kind: "stop" }, "grace">,
): Promise<Outcome> {
  const graceMs = { full: () => graceLeft(record.value, now), short: () => shortGraceMs, none: () => 0 }[grace]();
  // What fills the disk gets no time for more, whoever stops it and why.
  const isFull = underWay.places(record).some(({ runId }) => underWay.volumes.isFull(runId));
  await underWay.stop(record, isFull ? 0 : graceMs);
  return again(stoppingIntervalMs);
}

/** The grace counts from the moment of the stop, whatever server asks. */
function graceLeft(job: TrainingJob, now: number): number {
  const ending = ({ status }: Transition) => status === "Stopping" || status === "Interrupted";
  const stoppedAt = job.transitions.findLast(ending)?.startedAt ?? now;
  return Math.max(0, stoppedAt + graceMs - now);
}

/** Saves what the attempt left and begins the next. */
export async function restart(effect: Effect, step: Step & { kind: "restart" }): Promise<Change> {
  const { underWay, record, now } = effect;
  const { interruptedAt, ...job } = record.value;
  // What lost runs saved last is still in their folders.
  await underWay.syncOf(record).sync(true);
  // Nobody looks at the logs of this attempt any more.
  await underWay.metrics.finish(record, underWay.places(record));
  const ranMs = interruptedAt === undefined ? await ranFor(effect) : interruptedAt - (job.preparedAt ?? interruptedAt);
  await underWay.free(record);
  const from = job.spec.CheckpointConfig ? "the last checkpoint" : "the inputs";
  const message =
    step.cause === "fault"
      ? `${step.reason.replace(/\.$/, "")}. Starting again from ${from}.`
      : phaseMessage.relaunching;
  return {
    status: "InProgress",
    job: {
      ...transition(job, "Starting", message, now),
      attempt: job.attempt + 1,
      faults: (job.faults ?? job.attempt - 1) + (step.cause === "fault" ? 1 : 0),
      ranBeforeMs: job.ranBeforeMs + ranMs,
    },
  };
}

/** How long the current attempt ran, in milliseconds: the last line that a host logged tells. */
async function ranFor({ underWay, record, now }: Effect): Promise<number> {
  const preparedAt = record.value.preparedAt ?? now;
  const signs = await Promise.all(
    underWay.places(record).map(({ logFile }) =>
      stat(logFile).then(
        ({ mtimeMs }) => Math.trunc(mtimeMs),
        () => preparedAt, // it never logged anything
      ),
    ),
  );
  return Math.max(0, ...signs.map((sign) => sign - preparedAt));
}
