const firstMs = 100;
const longestMs = 60_000;

/**
 * How long to wait after the nth failure in a row: doubling from 0.1 s to a minute, shortened at random by up to half
 * so that many records that failed together do not come back together.
 * @param failures - 1 or more.
 * @param random - In [0, 1).
 */
export function backoffMs(failures: number, random: number): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return full * (1 - random / 2);
}
