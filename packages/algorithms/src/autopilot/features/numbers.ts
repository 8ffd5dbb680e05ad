import { numberOf } from "../data/raw-table.ts";
import type { FeatureStyle } from "./pipeline.ts";

/** Values further from the mean than so many deviations are moved there, for linear models. */
const clip = 6;
/** Skewness from which positive values are replaced by their logarithms. */
const skewed = 2;

/** A column of numbers. */
export interface NumberEncoder {
  readonly kind: "number";
  readonly column: string;
  readonly names: readonly string[];
  /** For linear models: gaps become the mean, and a second column says where they were. */
  readonly scaled?: {
    readonly isLogarithmic: boolean;
    readonly mean: number;
    readonly deviation: number;
    readonly hasGaps: boolean;
  };
}

/** Looks at a column: for trees there is nothing to learn from it. */
export function fitNumber(column: string, texts: readonly string[], style: FeatureStyle): NumberEncoder {
  if (style === "tree") return { kind: "number", column, names: [column] };
  const values = texts.map(numberOf).filter((value) => !Number.isNaN(value));
  const hasGaps = values.length < texts.length;
  const plain = momentsOf(values);
  const isLogarithmic = plain.skewness > skewed && values.every((value) => value >= 0);
  const { mean, deviation } = isLogarithmic ? momentsOf(values.map(Math.log1p)) : plain;
  return {
    ...{ kind: "number", column, names: hasGaps ? [column, `${column} is missing`] : [column] },
    scaled: { isLogarithmic, mean, deviation, hasGaps },
  };
}

/** Writes a value's columns. */
export function writeNumber({ scaled }: NumberEncoder, text: string, into: Float32Array, at: number): void {
  const value = numberOf(text);
  if (!scaled) {
    into[at] = value;
    return;
  }
  const { isLogarithmic, mean, deviation, hasGaps } = scaled;
  const isGap = Number.isNaN(value);
  const scaledValue = isGap ? 0 : ((isLogarithmic ? Math.log1p(Math.max(0, value)) : value) - mean) / deviation;
  into[at] = Math.min(Math.max(scaledValue, -clip), clip);
  if (hasGaps) into[at + 1] = isGap ? 1 : 0;
}

/** Mean, standard deviation (1 where there is none, so that dividing by it is safe) and skewness. */
export function momentsOf(values: readonly number[]): { mean: number; deviation: number; skewness: number } {
  const count = Math.max(1, values.length);
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  let squares = 0;
  let cubes = 0;
  for (const value of values) {
    squares += (value - mean) ** 2;
    cubes += (value - mean) ** 3;
  }
  const deviation = Math.sqrt(squares / count) || 1;
  return { mean, deviation, skewness: cubes / count / deviation ** 3 };
}
