import type { CandidatePlan, Member, PipelinePlan, SearchRange } from "../analysis/analysis.ts";
import { type LearnerName, learnerNames } from "../learners/learner.ts";
import { styleOf } from "../learners/learners.ts";

/** Candidates that a job without a wish has, as many as the service trains of ensembles. */
export const defaultEnsembles = 10;

const boosted = (settings: Member["settings"] = {}): Member => ({ learner: "xgboost", settings });
const forest = (settings: Member["settings"] = {}): Member => ({ learner: "randomforest", settings });
const linear = (settings: Member["settings"] = {}): Member => ({ learner: "linear-learner", settings });

const narrow = { max_depth: 4, eta: 0.05, colsample_bytree: 0.6, subsample: 0.8, min_child_weight: 3 };
const deep = { max_depth: 8, eta: 0.05, colsample_bytree: 0.7, min_child_weight: 5, lambda: 3 };
const flat = { max_depth: 3, eta: 0.08, subsample: 0.8, num_round: 1500 };
const stumps = { max_depth: 2, eta: 0.15, subsample: 0.8, num_round: 1500 };
const careful = {
  max_depth: 6,
  eta: 0.03,
  colsample_bytree: 0.5,
  subsample: 0.7,
  min_child_weight: 10,
  num_round: 2000,
};

/** What is tried, the most promising first: a job that stops early has had the best of it. */
const all: readonly CandidatePlan[] = [
  { name: "WeightedEnsemble", members: [boosted(), boosted(narrow), forest(), linear()] },
  { name: "BoostedTrees", members: [boosted()] },
  { name: "WideEnsemble", members: [boosted(deep), boosted(flat), forest({ max_depth: 20 }), linear({ wd: 0.001 })] },
  { name: "LinearModel", members: [linear()] },
  { name: "RandomForest", members: [forest()] },
  { name: "NarrowBoostedTrees", members: [boosted(narrow)] },
  { name: "FlatEnsemble", members: [boosted(flat), boosted(stumps), linear()] },
  { name: "CarefulBoostedTrees", members: [boosted(careful)] },
  { name: "DeepForest", members: [forest({ max_depth: 24, min_child_weight: 1, num_parallel_tree: 300 })] },
  { name: "CarefulEnsemble", members: [boosted(careful), boosted(deep), forest({ colsample_bynode: 0.3 }), linear()] },
];

/**
 * The ensembles that are tried.
 * @param allowed - The algorithms that they may use.
 * @param most - How many at most.
 */
export function ensemblePlans(allowed: readonly LearnerName[], most: number): CandidatePlan[] {
  const plans: CandidatePlan[] = [];
  const seen = new Set<string>();
  for (const { name, members } of all) {
    const own = members.filter(({ learner }) => allowed.includes(learner));
    const key = JSON.stringify(own);
    if (own.length === 0 || seen.has(key)) continue;
    seen.add(key);
    plans.push({ name, members: own });
  }
  return plans.slice(0, most);
}

const range = (
  name: string,
  min: number,
  max: number,
  scaling: SearchRange["scaling"] = "Linear",
  type: SearchRange["type"] = "Continuous",
): SearchRange => ({ name, type, min, max, scaling });

/** What is searched of each algorithm; a random forest has little to gain from it. */
const ranges = {
  xgboost: [
    range("eta", 0.01, 0.3, "Logarithmic"),
    range("max_depth", 2, 10, "Linear", "Integer"),
    range("min_child_weight", 0.5, 20, "Logarithmic"),
    range("subsample", 0.5, 1),
    range("colsample_bytree", 0.4, 1),
    range("lambda", 0.01, 20, "Logarithmic"),
  ],
  "linear-learner": [
    range("learning_rate", 0.0005, 0.1, "Logarithmic"),
    range("l1", 1e-6, 0.1, "Logarithmic"),
    range("wd", 1e-6, 0.1, "Logarithmic"),
  ],
  randomforest: [],
} as const satisfies Record<LearnerName, readonly SearchRange[]>;

/** The algorithms whose hyperparameters are searched, with the features that suit them. */
export function pipelinePlans(allowed: readonly LearnerName[]): PipelinePlan[] {
  return learnerNames
    .filter((learner) => ranges[learner].length > 0 && allowed.includes(learner))
    .map((learner, index) => ({ name: `dpp${index}`, style: styleOf(learner), learner, ranges: ranges[learner] }));
}
