import type { Dimensions } from "../../metrics/metric.ts";
import { invalidParameterValue } from "./errors.ts";

/** Dimensions of a request in the order of their names, which is how series are found. @throws InvalidParameterValue for a name that comes twice. */
export function readDimensions(
  given: readonly { readonly Name: string; readonly Value: string }[] | undefined,
): Dimensions {
  const sorted = (given ?? [])
    .map(({ Name, Value }) => [Name, Value] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const twice = sorted.find(([name], index) => sorted[index + 1]?.[0] === name);
  if (twice) throw invalidParameterValue(`The dimension ${twice[0]} is given twice.`);
  return sorted;
}

/** Dimensions as answers have them. */
export function describeDimensions(dimensions: Dimensions): { Name: string; Value: string }[] {
  return dimensions.map(([Name, Value]) => ({ Name, Value }));
}
