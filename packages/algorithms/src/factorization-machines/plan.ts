import { CustomerError } from "../job/errors.ts";
import type { FactorizationHyperparameters } from "./hyperparameters.ts";
import { type LearnerPlan, parameterBytes } from "./learner.ts";

/** Adam's own (Kingma and Ba 2015). */
const defaultEpsilon = 1e-8;
/** What stands in for an eps of 0: 0 / 0 must not become of a gradient that is 0. */
const leastEpsilon = 1e-30;

/** What hyperparameters mean for the learner. */
export function planOf(given: FactorizationHyperparameters): LearnerPlan {
  const { clip_gradient: clip } = given;
  return {
    width: given.feature_dim,
    factors: given.num_factors,
    loss: given.predictor_type === "regressor" ? "squared" : "logistic",
    bias: { rate: given.bias_lr, decay: given.bias_wd },
    linear: { rate: given.linear_lr, decay: given.linear_wd },
    pairs: { rate: given.factors_lr, decay: given.factors_wd },
    clip: clip === undefined || clip < 0 ? Number.POSITIVE_INFINITY : clip,
    epsilon: Math.max(given.eps ?? defaultEpsilon, leastEpsilon),
    scale: given.rescale_grad,
  };
}

/**
 * Refuses parameters that cannot fit, before their memory is taken: the kernel's way of saying so is to kill the run.
 * @param limitBytes - What the run may use, where there is a limit.
 */
export function checkParametersFit(plan: LearnerPlan, limitBytes: number | undefined): void {
  // Written, a model is copied out of the learner, into its arrays' file and into the archive.
  const bytes = parameterBytes(plan) + 3 * plan.width * (1 + plan.factors) * 4;
  if (limitBytes === undefined || bytes <= limitBytes) return;
  const mebibytes = (count: number) => Math.ceil(count / 2 ** 20);
  throw new CustomerError(
    `Out of Memory. A feature_dim of ${plan.width} with ${plan.factors} num_factors takes ${mebibytes(bytes)} MiB while it is learned and written, and this instance has ${mebibytes(limitBytes)} MiB. Please use a larger instance type or fewer factors.`,
  );
}
