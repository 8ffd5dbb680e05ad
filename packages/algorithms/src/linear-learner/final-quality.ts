import type { Learner } from "./learner.ts";
import { lossUnit, objectiveNames } from "./losses.ts";
import type { Quality, QualityMeter } from "./quality.ts";
import { binaryMeter, multiclassMeter, regressionMeter } from "./quality.ts";
import type { Scaling } from "./scaling.ts";
import type { Settings } from "./settings.ts";
import { betaOf } from "./settings.ts";
import type { Split } from "./split.ts";
import type { SplitName } from "./survey.ts";

/** Measures the chosen model on a split: the objective in label units, then the metrics of its task. */
export async function finalQualities(
  winner: Learner,
  settings: Settings,
  scaling: Scaling,
  split: Split,
  name: SplitName,
  threshold: number,
): Promise<Quality[]> {
  const meter = meterFor(settings, scaling, name, threshold);
  const losses = await winner.evaluate(split, (scores, labels, _, rows) => {
    meter.add(scores, scores.length / rows, labels, rows);
  });
  const value = (losses[0] as number) * lossUnit(settings.loss, scaling.labelDeviation);
  return [{ name: objectiveNames[settings.loss], kind: "loss", value }, ...meter.report()];
}

function meterFor(settings: Settings, scaling: Scaling, name: SplitName, threshold: number): QualityMeter {
  switch (settings.predictorType) {
    case "regressor":
      return regressionMeter(scaling.labelDeviation);
    case "binary_classifier":
      return binaryMeter(threshold, betaOf(settings), name !== "train");
    case "multiclass_classifier":
      return multiclassMeter(settings.classes, settings.given.accuracy_top_k, betaOf(settings));
  }
}
