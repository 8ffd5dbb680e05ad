import type { FeatureStyle } from "../features/feature-spec.ts";
import type { Learner, LearnerName } from "./learner.ts";
import { linearLearner } from "./linear.ts";
import { randomForestLearner, xgboostLearner } from "./xgboost-learner.ts";

const learners: Readonly<Record<LearnerName, Learner>> = {
  xgboost: xgboostLearner,
  randomforest: randomForestLearner,
  "linear-learner": linearLearner,
};

/** A learner by its name. */
export function learnerNamed(name: LearnerName): Learner {
  return learners[name];
}

/** Which features a learner wants. */
export function styleOf(name: LearnerName): FeatureStyle {
  return name === "linear-learner" ? "linear" : "tree";
}
