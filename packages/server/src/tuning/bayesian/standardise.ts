import type { Observation } from "../history.ts";

/** Powers that are tried for the transform. */
const powers = Array.from({ length: 41 }, (_, index) => -2 + index * 0.1);

/**
 * Losses as a Gaussian process can take them: each search's own brought to mean 0 and variance 1, then bent until they are
 * as normally distributed as a power can make them, then standardised again. The bend keeps order; without it, a few
 * terrible trials would flatten the differences between good ones.
 * @returns Shape (n,).
 * @see Yeo and Johnson (2000), A new family of power transformations to improve normality or symmetry.
 */
export function standardiseLosses(observations: readonly Observation[]): Float64Array {
  const losses = Float64Array.from(observations, ({ loss }) => loss);
  const sources = observations.map(({ source }) => source);
  for (const source of new Set(sources)) {
    const members = sources.flatMap((each, index) => (each === source ? [index] : []));
    const values = standardised(clipped(Float64Array.from(members, (index) => losses[index] as number)));
    for (const [at, index] of members.entries()) losses[index] = values[at] as number;
  }
  return standardised(bend(losses));
}

function bend(values: Float64Array): Float64Array {
  let best = { values, likelihood: Number.NEGATIVE_INFINITY };
  const logJacobian = values.reduce((sum, value) => sum + Math.sign(value) * Math.log1p(Math.abs(value)), 0);
  for (const power of powers) {
    const bent = values.map((value) => yeoJohnson(value, power));
    const { deviation } = moments(bent);
    const isBelieved = -0.5 * (power - 1) ** 2;
    const likelihood = -values.length * Math.log(deviation) + (power - 1) * logJacobian + isBelieved;
    if (likelihood > best.likelihood) best = { values: bent, likelihood };
  }
  return best.values;
}

function yeoJohnson(value: number, power: number): number {
  const [size, exponent] = value >= 0 ? [value, power] : [-value, 2 - power];
  const bent = Math.abs(exponent) < 1e-9 ? Math.log1p(size) : Math.expm1(exponent * Math.log1p(size)) / exponent;
  return value >= 0 ? bent : -bent;
}

/** How far above the median a loss counts, in widths of the better half. */
const farthest = 1000;

/** One loss of a trial that went astray, 1e30 say, would make all others equal: beyond some distance, bad is bad. */
function clipped(values: Float64Array): Float64Array {
  const sorted = values.toSorted();
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] as number;
  const width = at(0.5) - at(0.25);
  return width > 0 ? values.map((value) => Math.min(value, at(0.5) + farthest * width)) : values;
}

function standardised(values: Float64Array): Float64Array {
  const { mean, deviation } = moments(values);
  return values.map((value) => (value - mean) / deviation);
}

/** A deviation of 0 counts as 1: equal losses are all average. */
function moments(values: Float64Array): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value / values.length, 0);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2 / values.length, 0);
  return { mean, deviation: variance > 0 && Number.isFinite(variance) ? Math.sqrt(variance) : 1 };
}
