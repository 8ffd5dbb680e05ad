import { eachColumn, mapNumbers } from "../numbers.ts";
import { flag, listOf, number } from "../options.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";

/** Maps the smallest and the largest value of each column to the ends of a range, 0 to 1 by default. */
export interface MinMaxScalerSpec extends TransformSpec {
  readonly kind: "min-max-scaler";
  readonly range?: readonly [number, number];
  /** Whether values beyond those of training are moved to the ends. */
  readonly clip?: boolean;
}

interface State {
  readonly scales: readonly number[];
  readonly offsets: readonly number[];
  readonly range: readonly [number, number];
  readonly clip: boolean;
}

export const minMaxScaler: TransformKind<MinMaxScalerSpec, State> = {
  kind: "min-max-scaler",
  options: { range: listOf(number(), { least: 2, most: 2 }), clip: flag },
  takes: ["numeric"],
  fit({ table }, { range = [0, 1], clip = false }) {
    const [low, high] = range;
    const scales: number[] = [];
    const offsets: number[] = [];
    eachColumn(table, (values) => {
      let [min, max] = [Infinity, -Infinity];
      for (const value of values) {
        if (value < min) min = value;
        if (value > max) max = value;
      }
      const isEmpty = min > max;
      // A range that is nothing but rounding is none, as in scikit-learn.
      const width = isEmpty || max - min < 10 * Number.EPSILON ? 1 : max - min;
      const scale = (high - low) / width;
      scales.push(scale);
      offsets.push(isEmpty ? 0 : low - min * scale);
    });
    return { state: { scales, offsets, range: [low, high], clip } };
  },
  open({ scales, offsets, range: [low, high], clip }) {
    return (table) =>
      mapNumbers(table, (values, column) => {
        const [scale, offset] = [scales[column] as number, offsets[column] as number];
        if (!clip) return values.map((value) => value * scale + offset);
        return values.map((value) => Math.min(Math.max(value * scale + offset, low), high));
      });
  },
};
