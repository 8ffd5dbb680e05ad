import { NumericScale, type Scaling } from "./numeric-scale.ts";

/** One thing to vary. */
export type Parameter =
  | {
      readonly name: string;
      readonly kind: "continuous" | "integer";
      readonly min: number;
      readonly max: number;
      readonly scaling: Scaling;
    }
  | { readonly name: string; readonly kind: "categorical"; readonly values: readonly string[] };

/** What a trial is run with: names and values, as text. */
export type Values = Readonly<Record<string, string>>;

/**
 * A trial as numbers, one for each parameter: numeric ones on their scale, from 0 to 1 within their range; categorical
 * ones the index of their value.
 */
export type Point = Float64Array;

/** Digits of a continuous value: more than any objective can tell apart, and text that people can read. */
const digits = 12;

/** What an optimiser may choose from. */
export class SearchSpace {
  readonly parameters: readonly Parameter[];
  readonly #scales: readonly (NumericScale | undefined)[];

  /** @throws RangeError for a range that is upside down, or that its scaling cannot take. */
  constructor(parameters: readonly Parameter[]) {
    this.parameters = parameters;
    this.#scales = parameters.map((each) => (each.kind === "categorical" ? undefined : new NumericScale(each)));
  }

  get dimensions(): number {
    return this.parameters.length;
  }

  /** Whether the values of a parameter have no order. */
  isCategorical(index: number): boolean {
    return this.#scales[index] === undefined;
  }

  /** How many combinations there are; infinite with a continuous parameter that has more than one value. */
  get size(): number {
    return this.parameters.reduce((product, each) => product * countOf(each), 1);
  }

  /** The nearest point that can be tried. @param unit - One number in [0, 1] for each parameter. */
  fromUnit(unit: ArrayLike<number>): Point {
    return Float64Array.from(this.parameters, (parameter, index) => {
      const share = Math.min(Math.max(unit[index] as number, 0), 1);
      if (parameter.kind === "categorical") return indexOf(share, parameter.values.length);
      return (this.#scales[index] as NumericScale).snap(share);
    });
  }

  /** A point with one parameter moved to another place on its scale, or to another value. */
  snap(index: number, share: number): number {
    const scale = this.#scales[index];
    return scale ? scale.snap(Math.min(Math.max(share, 0), 1)) : share;
  }

  /** How many values a categorical parameter has. */
  choices(index: number): number {
    const parameter = this.parameters[index];
    return parameter?.kind === "categorical" ? parameter.values.length : 0;
  }

  /** The values that a point stands for. */
  decode(point: Point): Values {
    return Object.fromEntries(
      this.parameters.map((parameter, index) => {
        const at = point[index] as number;
        if (parameter.kind === "categorical") return [parameter.name, parameter.values[at] as string];
        const value = (this.#scales[index] as NumericScale).value(at);
        return [parameter.name, String(parameter.kind === "integer" ? value : Number(value.toPrecision(digits)))];
      }),
    );
  }

  /**
   * The point of some values. Numbers may lie outside their range, where another search had another one.
   * @returns `undefined` when a value is missing, or cannot be placed in this space at all.
   */
  encode(values: Values): Point | undefined {
    const point = new Float64Array(this.dimensions);
    for (const [index, parameter] of this.parameters.entries()) {
      const text = values[parameter.name];
      if (text === undefined) return undefined;
      const at =
        parameter.kind === "categorical"
          ? parameter.values.indexOf(text)
          : (this.#scales[index] as NumericScale).place(Number(text));
      if (!Number.isFinite(at) || (parameter.kind === "categorical" && at < 0)) return undefined;
      point[index] = at;
    }
    return point;
  }
}

function indexOf(share: number, count: number): number {
  return Math.min(Math.floor(share * count), count - 1);
}

function countOf(parameter: Parameter): number {
  if (parameter.kind === "categorical") return parameter.values.length;
  if (parameter.min === parameter.max) return 1;
  return parameter.kind === "integer" ? parameter.max - parameter.min + 1 : Number.POSITIVE_INFINITY;
}
