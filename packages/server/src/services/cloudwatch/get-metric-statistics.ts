import { readDimensions } from "./dimensions.ts";
import { invalidParameterCombination, missingRequiredParameter } from "./errors.ts";
import type { CloudWatchOperation } from "./operation.ts";
import { checkPeriod, readRange } from "./period.ts";
import { statisticNamed } from "./statistic.ts";

/** Points of one answer, which has no pages. */
const maxPoints = 1440;

/** Statistics of one metric, a point for each period that has data. */
export const getMetricStatistics: CloudWatchOperation<"GetMetricStatistics"> = async (input, { scope, platform }) => {
  const { Statistics = [], ExtendedStatistics = [] } = input;
  if (Statistics.length + ExtendedStatistics.length === 0) {
    throw missingRequiredParameter("Must specify either Statistics or ExtendedStatistics.");
  }
  if (Statistics.length > 0 && ExtendedStatistics.length > 0) {
    throw invalidParameterCombination("Statistics and ExtendedStatistics cannot be given together.");
  }
  checkPeriod("Period", input.Period);
  const range = readRange(input.StartTime, input.EndTime, input.Period, platform.clock.now());
  const points = Math.ceil((range.to - range.from) / input.Period);
  if (points > maxPoints) {
    throw invalidParameterCombination(
      `You have requested up to ${points} datapoints, which exceeds the limit of ${maxPoints}. You may reduce the datapoints requested by increasing Period, or decreasing the time range.`,
    );
  }
  const plain = Statistics.map((name) => [name, statisticNamed(name)] as const);
  const extended = ExtendedStatistics.map((name) => [name, statisticNamed(name)] as const);
  const periods = await platform.metrics.statistics({
    ...{ scope, namespace: input.Namespace, name: input.MetricName, dimensions: readDimensions(input.Dimensions) },
    ...{ ...range, period: input.Period },
    ...(input.Unit !== undefined && { unit: input.Unit }),
  });
  return {
    Label: input.MetricName,
    Datapoints: periods.map(({ at, unit, values }) => ({
      Timestamp: new Date(at * 1000),
      ...known(plain.map(([name, statistic]) => [name, statistic(values)])),
      Unit: unit as "None",
      ...(extended.length > 0 && {
        ExtendedStatistics: known(extended.map(([name, statistic]) => [name, statistic(values)])),
      }),
    })),
  };
};

function known(statistics: readonly (readonly [string, number | undefined])[]): Record<string, number> {
  return Object.fromEntries(statistics.filter((entry): entry is [string, number] => entry[1] !== undefined));
}
