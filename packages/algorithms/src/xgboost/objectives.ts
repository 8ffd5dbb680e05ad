/** Objectives that a job may have. */
export const objectives = [
  ...["binary:logistic", "binary:logitraw", "binary:hinge", "count:poisson", "multi:softmax", "multi:softprob"],
  ...["rank:pairwise", "rank:ndcg", "rank:map", "reg:linear", "reg:squarederror", "reg:logistic", "reg:gamma"],
  ...["reg:pseudohubererror", "reg:squaredlogerror", "reg:absoluteerror", "reg:tweedie", "survival:aft"],
  ...["survival:cox"],
] as const;

/** Whether the label is a class. */
export function isClassification(objective: string, classes: number | undefined): boolean {
  return classes !== undefined || objective.startsWith("binary:");
}
