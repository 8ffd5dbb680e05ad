/** How often each class was taken for each: shape (classes, classes), rows are the truth. */
export function confusionMatrix(labels: ArrayLike<number>, decided: ArrayLike<number>, classes: number): Float64Array {
  const counts = new Float64Array(classes * classes);
  for (let i = 0; i < labels.length; i++) {
    const at = (labels[i] as number) * classes + (decided[i] as number);
    counts[at] = (counts[at] as number) + 1;
  }
  return counts;
}

/** What follows from the counts of one class. */
export interface ClassScores {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Rows that are of the class. */
  readonly support: number;
  /** Rows that were taken for it. */
  readonly predicted: number;
}

/** Precision, recall and their harmonic mean for each class; 0 where a quotient has no denominator, as in scikit-learn. */
export function classScores(matrix: Float64Array, classes: number): ClassScores[] {
  return Array.from({ length: classes }, (_, k) => {
    let support = 0;
    let predicted = 0;
    for (let other = 0; other < classes; other++) {
      support += matrix[k * classes + other] as number;
      predicted += matrix[other * classes + k] as number;
    }
    const hits = matrix[k * classes + k] as number;
    const precision = predicted === 0 ? 0 : hits / predicted;
    const recall = support === 0 ? 0 : hits / support;
    const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
    return { precision, recall, f1, support, predicted };
  });
}
