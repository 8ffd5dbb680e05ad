/** Losses by the number that kernels know them by. Residual r = score - label; labels of classifiers are 0 and 1. */
export const lossKinds = {
  squared_loss: 0,
  absolute_loss: 1,
  eps_insensitive_squared_loss: 2,
  eps_insensitive_absolute_loss: 3,
  quantile_loss: 4,
  huber_loss: 5,
  logistic: 6,
  hinge_loss: 7,
  softmax_loss: 8,
} as const;

export type LossName = keyof typeof lossKinds;
export type LossKind = (typeof lossKinds)[LossName];

/** The losses that each predictor may have; the first is what `auto` means. */
export const lossesOf = {
  regressor: [
    "squared_loss",
    "absolute_loss",
    "eps_insensitive_squared_loss",
    "eps_insensitive_absolute_loss",
    "quantile_loss",
    "huber_loss",
  ],
  binary_classifier: ["logistic", "hinge_loss"],
  multiclass_classifier: ["softmax_loss"],
} as const satisfies Record<string, readonly LossName[]>;

/** Name of the objective in log lines. The first three are recorded from the service, the others follow their form. */
export const objectiveNames: Readonly<Record<LossName, string>> = {
  squared_loss: "mse_objective",
  logistic: "binary_classification_cross_entropy_objective",
  softmax_loss: "multiclass_cross_entropy_objective",
  absolute_loss: "absolute_loss_objective",
  eps_insensitive_squared_loss: "eps_insensitive_squared_loss_objective",
  eps_insensitive_absolute_loss: "eps_insensitive_absolute_loss_objective",
  quantile_loss: "quantile_loss_objective",
  huber_loss: "huber_loss_objective",
  hinge_loss: "hinge_loss_objective",
};

/**
 * What a loss over scaled labels must be multiplied with to be in label units, when labels were divided by `deviation`
 * and the loss's own threshold with them.
 */
export function lossUnit(loss: LossName, deviation: number): number {
  switch (loss) {
    case "squared_loss":
    case "eps_insensitive_squared_loss":
    case "huber_loss":
      return deviation * deviation;
    case "absolute_loss":
    case "eps_insensitive_absolute_loss":
    case "quantile_loss":
      return deviation;
    default:
      return 1;
  }
}

/** Loss of one score. `a` is the loss's parameter: epsilon, quantile, delta or margin. */
export function lossAt(kind: LossKind, score: number, label: number, a: number): number {
  const r = score - label;
  switch (kind) {
    case 0:
      return r * r;
    case 1:
      return Math.abs(r);
    case 2: {
      const excess = Math.max(Math.abs(r) - a, 0);
      return excess * excess;
    }
    case 3:
      return Math.max(Math.abs(r) - a, 0);
    case 4:
      return -r < 0 ? -r * (a - 1) : -r * a;
    case 5:
      return Math.abs(r) > a ? a * (Math.abs(r) - 0.5 * a) : 0.5 * r * r;
    case 6:
      return Math.max(score * (1 - 2 * label), 0) + Math.log1p(Math.exp(-Math.abs(score)));
    case 7:
      return Math.max(a - (2 * label - 1) * score, 0);
    case 8:
      throw new RangeError("softmax is a loss of several scores: see softmaxLoss");
  }
}

/** Derivative of `lossAt` by the score; 0 where a kink leaves a choice. Of a NaN score it may be anything: its loss is NaN. */
export function slopeAt(kind: LossKind, score: number, label: number, a: number): number {
  const r = score - label;
  switch (kind) {
    case 0:
      return 2 * r;
    case 1:
      return r > 0 ? 1 : r < 0 ? -1 : 0;
    case 2:
      return 2 * Math.max(Math.abs(r) - a, 0) * Math.sign(r);
    case 3:
      return Math.abs(r) > a ? Math.sign(r) : 0;
    case 4:
      return r === 0 ? 0 : r > 0 ? 1 - a : -a;
    case 5:
      return Math.max(-a, Math.min(a, r));
    case 6:
      return 1 / (1 + Math.exp(-score)) - label;
    case 7:
      return a - (2 * label - 1) * score > 0 ? 1 - 2 * label : 0;
    case 8:
      throw new RangeError("softmax is a loss of several scores: see softmaxLoss");
  }
}
