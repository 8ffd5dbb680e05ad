/** What is to be predicted, as SageMaker names it. */
export const problemTypes = ["BinaryClassification", "MulticlassClassification", "Regression"] as const;
export type ProblemType = (typeof problemTypes)[number];

/** What a model has to answer. */
export interface Problem {
  readonly type: ProblemType;
  /** Name of the column that is predicted. */
  readonly target: string;
  /** Texts of the classes, in the order of their numbers; empty for a regression. The last of two is the positive one. */
  readonly classes: readonly string[];
}

/** Numbers that a model answers a row with: a probability for each class, that of the positive one of two, or a value. */
export function widthOf({ type, classes }: Problem): number {
  return type === "MulticlassClassification" ? classes.length : 1;
}

/** The class that answers of shape (rows, width) stand for, by its number; the value itself for a regression. */
export function decide(problem: Problem, answers: Float64Array): Float64Array {
  if (problem.type === "Regression") return answers;
  const width = widthOf(problem);
  if (width === 1) return answers.map((p) => (p >= 0.5 ? 1 : 0));
  return Float64Array.from({ length: answers.length / width }, (_, row) => {
    let best = 0;
    for (let k = 1; k < width; k++) {
      if ((answers[row * width + k] as number) > (answers[row * width + best] as number)) best = k;
    }
    return best;
  });
}
