import { CustomerError } from "../job/errors.ts";
import type { DataRows } from "./data.ts";
import { needsClasses, needsTwoClasses } from "./own-metrics.ts";
import type { Settings } from "./settings.ts";

interface LabelRule {
  readonly accepts: (label: number) => boolean;
  readonly expected: string;
}

const finite: LabelRule = { accepts: Number.isFinite, expected: "a finite number" };

/**
 * Checks labels and weights before the library sees them, since it cannot say which row is at fault.
 * @throws CustomerError naming channel and row.
 */
export function checkLabels(channel: string, { labels, weights }: DataRows, settings: Settings): void {
  const { accepts, expected } = ruleFor(settings);
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row] as number;
    if (!Number.isFinite(label) || !accepts(label)) {
      const found = Number.isNaN(label) ? "missing" : String(label);
      throw new CustomerError(
        `Channel '${channel}', row ${row + 1}: the label must be ${expected} for ${settings.objective}, and it is ${found}.`,
      );
    }
  }
  for (let row = 0; row < (weights?.length ?? 0); row++) {
    const weight = weights?.[row] as number;
    if (Number.isFinite(weight) && weight >= 0) continue;
    throw new CustomerError(
      `Channel '${channel}', row ${row + 1}: the weight must be a number >= 0, and it is ${Number.isNaN(weight) ? "missing" : weight}.`,
    );
  }
}

function ruleFor({ objective, classes, ownMetrics }: Settings): LabelRule {
  switch (objective) {
    case "multi:softmax":
    case "multi:softprob": {
      const count = classes as number;
      return {
        accepts: (label) => Number.isInteger(label) && label >= 0 && label < count,
        expected: `a whole number in [0, num_class), which is [0, ${count}),`,
      };
    }
    case "binary:logistic":
    case "binary:logitraw":
    case "binary:hinge":
      if (objective === "binary:hinge" || ownMetrics.some(needsClasses)) {
        return { accepts: (label) => label === 0 || label === 1, expected: "0 or 1" };
      }
      return { accepts: (label) => label >= 0 && label <= 1, expected: "in [0,1]" };
    case "reg:logistic":
      return { accepts: (label) => label >= 0 && label <= 1, expected: "in [0,1]" };
    case "count:poisson":
    case "reg:tweedie":
      return { accepts: (label) => label >= 0, expected: "nonnegative" };
    case "reg:gamma":
    case "survival:aft":
      return { accepts: (label) => label > 0, expected: "positive" };
    case "reg:squaredlogerror":
      return { accepts: (label) => label > -1, expected: "greater than -1" };
    default:
      return finite;
  }
}

/** @throws CustomerError where a metric has no meaning for the objective. */
export function checkOwnMetrics({
  objective,
  classes,
  ownMetrics,
}: Pick<Settings, "objective" | "classes" | "ownMetrics">): void {
  const isClasses = classes !== undefined || objective.startsWith("binary:");
  for (const metric of ownMetrics) {
    if (needsClasses(metric) && metric !== "r2" && !isClasses) {
      throw new CustomerError(
        `Metric '${metric}' can only be applied for classification problems: objective is ${objective}`,
      );
    }
    if (!needsClasses(metric) && isClasses) {
      throw new CustomerError(
        `Metric '${metric}' can only be applied for regression problems: objective is ${objective}`,
      );
    }
    if (needsTwoClasses(metric) && classes !== undefined && classes !== 2) {
      throw new CustomerError(
        `Metric '${metric}' is of two classes, and num_class is ${classes}: use ${metric.replace("_binary", "")}_macro`,
      );
    }
  }
}
