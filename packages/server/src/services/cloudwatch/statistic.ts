import { type Distribution, percentile } from "../../metrics/distribution.ts";
import { invalidParameterValue } from "./errors.ts";

/** One number made of the values of a period; `undefined` where they do not tell it. */
type Statistic = (values: Distribution) => number | undefined;

const plain: Readonly<Record<string, Statistic>> = {
  SampleCount: ({ count }) => count,
  Average: ({ sum, count }) => sum / count,
  Sum: ({ sum }) => sum,
  Minimum: ({ min }) => min,
  Maximum: ({ max }) => max,
};

/**
 * The statistic of a name: the five plain ones, and percentiles (`p99.9`).
 * @throws InvalidParameterValue for others, by name.
 */
export function statisticNamed(name: string): Statistic {
  const found = Object.hasOwn(plain, name) ? plain[name] : undefined;
  if (found) return found;
  const percent = /^p(\d{1,2}(?:\.\d{1,10})?|100(?:\.0{1,10})?)$/.exec(name)?.[1];
  if (percent !== undefined) return (values) => percentile(values, Number(percent));
  throw invalidParameterValue(
    `The statistic ${name} is not supported. Supported are ${Object.keys(plain).join(", ")} and percentiles such as p99.`,
  );
}
