/**
 * Wilcoxon's signed rank test of paired values, small ones being good: whether `own` is lower, or higher, than `theirs` at
 * p < 0.05, one-sided each. Ties share their ranks and equal pairs are left out; from six pairs on the normal
 * approximation with a correction for continuity is close enough.
 */
export function wilcoxon(own: readonly number[], theirs: readonly number[]) {
  const gaps = own.map((value, index) => value - (theirs[index] as number)).filter((gap) => gap !== 0);
  const n = gaps.length;
  if (n < 6) return { isBetter: false, isWorse: false };
  const sizes = gaps.map(Math.abs).sort((a, b) => a - b);
  const rank = (size: number) => (sizes.indexOf(size) + sizes.lastIndexOf(size)) / 2 + 1;
  const higher = gaps.reduce((sum, gap) => sum + (gap > 0 ? rank(gap) : 0), 0);
  const mean = (n * (n + 1)) / 4;
  const deviation = Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24);
  const z = (Math.abs(higher - mean) - 0.5) / deviation;
  const isSure = z > 1.6449;
  return { isBetter: isSure && higher < mean, isWorse: isSure && higher > mean };
}
