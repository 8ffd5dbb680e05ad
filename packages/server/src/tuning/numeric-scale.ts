/** How a numeric range is searched: evenly on this scale. */
export type Scaling = "Auto" | "Linear" | "Logarithmic" | "ReverseLogarithmic";

/** A range whose ends are this far apart, as a ratio, is searched by orders of magnitude under Auto. */
const autoRatio = 1000;

/** A numeric range laid out from 0 to 1. */
export class NumericScale {
  readonly #min: number;
  readonly #max: number;
  readonly #isInteger: boolean;
  readonly #bend: Bend;
  readonly #low: number;
  readonly #width: number;

  /** @throws RangeError for a range that is upside down, or that its scaling cannot take. */
  constructor(range: {
    readonly kind: "continuous" | "integer";
    readonly min: number;
    readonly max: number;
    readonly scaling: Scaling;
  }) {
    const { min, max, kind } = range;
    if (!(min <= max)) throw new RangeError(`the least value, ${min}, is above the greatest, ${max}`);
    this.#min = min;
    this.#max = max;
    this.#isInteger = kind === "integer";
    this.#bend = bends[resolveScaling(range)];
    // Each integer has a stretch of its own, so that both ends are as likely as what lies between them.
    const margin = this.#isInteger ? 0.5 : 0;
    this.#low = this.#bend.to(min - margin);
    this.#width = this.#bend.to(max + margin) - this.#low;
    if (!Number.isFinite(this.#low) || !Number.isFinite(this.#width)) {
      throw new RangeError(`the range from ${min} to ${max} cannot be searched on a ${range.scaling} scale`);
    }
  }

  /** Where a value lies: from 0 to 1 within the range. `NaN` for one that the scale cannot show. */
  place(value: number): number {
    return this.#width === 0 ? 0 : (this.#bend.to(value) - this.#low) / this.#width;
  }

  /** The value at a place. */
  value(at: number): number {
    const exact = this.#bend.from(this.#low + at * this.#width);
    return Math.min(Math.max(this.#isInteger ? Math.round(exact) : exact, this.#min), this.#max);
  }

  /** The nearest place that a value has. */
  snap(at: number): number {
    return this.#isInteger ? this.place(this.value(at)) : at;
  }
}

/** What Auto stands for: the scale on which the range is not squeezed into one corner. */
export function resolveScaling(range: {
  readonly kind: "continuous" | "integer";
  readonly min: number;
  readonly max: number;
  readonly scaling: Scaling;
}): Exclude<Scaling, "Auto"> {
  const { min, max, kind, scaling } = range;
  if (scaling !== "Auto") return scaling;
  if (min > 0 && max / min >= autoRatio) return "Logarithmic";
  const isBelowOne = kind === "continuous" && min >= 0 && max < 1;
  return isBelowOne && (1 - min) / (1 - max) >= autoRatio ? "ReverseLogarithmic" : "Linear";
}

interface Bend {
  to(value: number): number;
  from(bent: number): number;
}

const bends: Readonly<Record<Exclude<Scaling, "Auto">, Bend>> = {
  Linear: { to: (value) => value, from: (bent) => bent },
  Logarithmic: { to: Math.log, from: Math.exp },
  // Even in the distance to 1 by orders of magnitude: 0.9, 0.99 and 0.999 lie equally far apart.
  ReverseLogarithmic: { to: (value) => -Math.log1p(-value), from: (bent) => -Math.expm1(-bent) },
};
