/**
 * Weights under which all classes count the same, with a mean of 1 over all rows: `rows / (classes * rows of the class)`.
 * @param counts - Rows of each class; a class without any has weight 0.
 * @see King and Zeng (2001), Logistic regression in rare events data, Political Analysis 9(2).
 */
export function balancedWeights(counts: readonly number[]): Float64Array {
  const present = counts.filter((count) => count > 0).length;
  const rows = counts.reduce((sum, count) => sum + count, 0);
  return Float64Array.from(counts, (count) => (count > 0 ? rows / (present * count) : 0));
}
