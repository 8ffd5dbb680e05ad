/**
 * Adjusts p-values of several tests of one question, so that the chance of any wrong "yes" stays what a single test has
 * (S. Holm, Scandinavian Journal of Statistics 6, 1979). In the order given.
 */
export function holm(values: readonly number[]): number[] {
  const order = values.map((_, at) => at).sort((a, b) => (values[a] as number) - (values[b] as number));
  const adjusted = [...values];
  let floor = 0;
  for (const [rank, at] of order.entries()) {
    floor = Math.max(floor, Math.min(1, (values.length - rank) * (values[at] as number)));
    adjusted[at] = floor;
  }
  return adjusted;
}
