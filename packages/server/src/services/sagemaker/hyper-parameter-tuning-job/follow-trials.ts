import { ServiceError } from "../../../errors.ts";
import type { OperationPlace } from "../../service.ts";
import { objectiveRun } from "../training-job/job-metrics.ts";
import { requestStop } from "../training-job/stop.ts";
import type { TrialBook } from "./trial-book.ts";
import type { TuningTrial, TuningTrialRecord } from "./tuning-job.ts";

/** Values that one look reads of one trial. */
const maxValues = 5_000;

/** Reads what running trials have reported, and stops those that are not worth going on with. */
export async function followTrials(place: OperationPlace, book: TrialBook): Promise<void> {
  for (const record of book.open) {
    const { value } = record;
    const { rule } = book.branch(value.definition);
    if (!rule || value.status !== "InProgress") continue;
    const isKnown = book.curves.has(value.trial);
    const curve = await readCurve(place, book, value);
    // What a trial reported before a restart was decided about then.
    if (!isKnown && book.wasResumed(value.trial)) rule.restore(value.trial, curve);
    if (rule.review(value.trial, curve) === "stop") await stopTrials(place, [record]);
  }
}

/** Hands a trial that has ended, with all that it reported, to its stopping rule. */
export async function finishCurve(place: OperationPlace, book: TrialBook, trial: TuningTrial): Promise<void> {
  const { rule } = book.branch(trial.definition);
  if (!rule) return;
  rule.end(trial.trial, await readCurve(place, book, trial));
  book.curves.delete(trial.trial);
}

/** Asks trials to stop. One that has ended meanwhile has nothing to stop. */
export async function stopTrials(place: OperationPlace, trials: readonly TuningTrialRecord[]): Promise<void> {
  for (const { value } of trials) {
    try {
      await requestStop(value.job, place);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
    }
  }
}

async function readCurve({ platform, scope }: OperationPlace, book: TrialBook, trial: TuningTrial): Promise<number[]> {
  const curve = book.curves.get(trial.trial) ?? [];
  book.curves.set(trial.trial, curve);
  const { objective } = book.branch(trial.definition);
  for (;;) {
    const steps = await platform.metrics.steps({
      ...{ scope, run: objectiveRun(trial.jobArn), name: objective.MetricName as string, axis: "step" },
      ...{ from: curve.length + 1, to: Number.MAX_SAFE_INTEGER, limit: maxValues },
    });
    for (const { value } of steps) curve.push(value);
    if (steps.length < maxValues) return curve;
  }
}
