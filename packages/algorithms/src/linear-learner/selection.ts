import type { Calibration, CalibrationGoal } from "./calibration.ts";
import { calibrate } from "./calibration.ts";
import type { Geometry } from "./geometry.ts";
import type { Learner } from "./learner.ts";
import type { Settings } from "./settings.ts";
import { betaOf } from "./settings.ts";
import type { Split } from "./split.ts";
import { thinned } from "./thinned.ts";

/** Most scores that are held at once when models are compared. */
const SCORE_BUDGET = 2_000_000;
/** Models that are compared on every calibration row after a first look at some of them. */
const FINALISTS = 4;

/** Whether models are judged by thresholded decisions, rather than by their loss. */
export function isJudgedByDecisions(settings: Settings): boolean {
  return settings.predictorType === "binary_classifier" && settings.selection !== "loss_function";
}

/** What thresholds are chosen for. */
export function goalOf(settings: Settings): CalibrationGoal {
  return {
    criterion: settings.selection,
    beta: betaOf(settings),
    targetRecall: settings.given.target_recall,
    targetPrecision: settings.given.target_precision,
  };
}

/** A model's calibration, and its mean loss on the same rows, which decides between equals. */
export interface JudgedModel extends Calibration {
  readonly loss: number;
}

/** Calibrates each of the models on the rows of a split. */
export async function calibrateModels(
  learner: Learner,
  geometry: Geometry,
  split: Split,
  goal: CalibrationGoal,
  models: readonly number[],
): Promise<JudgedModel[]> {
  const own = models.map(() => new Float32Array(split.count));
  const ownLabels = new Float32Array(split.count);
  const losses = await learner.evaluate(split, (scores, labels, first, rows) => {
    ownLabels.set(labels, first);
    models.forEach((model, at) => {
      const target = own[at] as Float32Array;
      for (let i = 0; i < rows; i++) target[first + i] = scores[i * geometry.columns + model] as number;
    });
  });
  return own.map((scores, at) => ({
    ...calibrate(scores, ownLabels, goal),
    loss: losses[models[at] as number] as number,
  }));
}

/** Index of the best value; NaN never wins. */
export function bestIndex(values: ArrayLike<number>, direction: "minimise" | "maximise"): number {
  let best = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const top = values[best] as number;
    if (Number.isNaN(top) || (direction === "minimise" ? value < top : value > top)) best = i;
  }
  return best;
}

/** The chosen model, and the threshold on its linear scores. */
export interface Choice {
  readonly model: number;
  readonly threshold: number;
}

/**
 * Chooses between models by thresholded decisions. With more scores than the budget, a thinned look finds the finalists.
 */
export async function chooseByDecisions(
  learner: Learner,
  geometry: Geometry,
  split: Split,
  goal: CalibrationGoal,
): Promise<Choice> {
  const all = Array.from({ length: geometry.models }, (_, model) => model);
  let finalists = all;
  if (geometry.models > FINALISTS && split.count * geometry.models > SCORE_BUDGET) {
    const look = thinned(split, Math.floor(SCORE_BUDGET / geometry.models));
    const judged = await calibrateModels(learner, geometry, look, goal, all);
    finalists = all
      .toSorted((a, b) => compareModels(judged[a] as JudgedModel, judged[b] as JudgedModel))
      .slice(0, FINALISTS);
  }
  const judged = await calibrateModels(learner, geometry, split, goal, finalists);
  const winner = [...judged.keys()].toSorted((a, b) =>
    compareModels(judged[a] as JudgedModel, judged[b] as JudgedModel),
  )[0] as number;
  return { model: finalists[winner] as number, threshold: (judged[winner] as JudgedModel).threshold };
}

/** Better models first: by the criterion, then by loss; a model that diverged comes last. */
function compareModels(a: JudgedModel, b: JudgedModel): number {
  if (Number.isNaN(a.loss) || Number.isNaN(b.loss)) return Number(Number.isNaN(a.loss)) - Number(Number.isNaN(b.loss));
  return a.value === b.value ? a.loss - b.loss : b.value > a.value ? 1 : -1;
}
