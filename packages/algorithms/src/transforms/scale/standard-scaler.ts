import { eachColumn, isConstant, mapNumbers, momentsOf } from "../numbers.ts";
import { flag } from "../options.ts";
import type { TransformKind, TransformSpec } from "../transform.ts";

/** Subtracts the mean of each column and divides by its standard deviation. */
export interface StandardScalerSpec extends TransformSpec {
  readonly kind: "standard-scaler";
  readonly withMean?: boolean;
  readonly withDeviation?: boolean;
}

interface State {
  readonly means: readonly number[];
  /** Of the population; 1 for a column that does not vary. */
  readonly deviations: readonly number[];
}

export const standardScaler: TransformKind<StandardScalerSpec, State> = {
  kind: "standard-scaler",
  options: { withMean: flag, withDeviation: flag },
  takes: ["numeric"],
  fit({ table }, { withMean = true, withDeviation = true }) {
    const moments = eachColumn(table, momentsOf);
    return {
      state: {
        // A column without any value has no mean; its values to come are left as they are.
        means: moments.map(({ count, mean }) => (withMean && count > 0 ? mean : 0)),
        deviations: moments.map((each) => (withDeviation && !isConstant(each) ? Math.sqrt(each.variance) : 1)),
      },
    };
  },
  open({ means, deviations }) {
    return (table) =>
      mapNumbers(table, (values, column) => {
        const [mean, deviation] = [means[column] as number, deviations[column] as number];
        return values.map((value) => (value - mean) / deviation);
      });
  },
};
