import type { BatchPutMetrics } from "./operation.ts";

/**
 * Keeps raw values of a trial component. Those that cannot be kept are told one by one; the others are kept. The trial
 * component need not be there yet: what logs metrics may be faster than what creates it.
 */
export const batchPutMetrics: BatchPutMetrics = async (input, { scope, platform }) => {
  const given = input.MetricData.map((datum, index) => ({ ...datum, index }));
  const isUsable = ({ Value, Timestamp }: (typeof given)[number]): boolean =>
    Number.isFinite(Value) && Number.isFinite(Timestamp.getTime());
  const usable = given.filter(isUsable);
  const refused = await platform.metrics.putSteps({
    scope,
    run: input.TrialComponentName,
    points: usable.map(({ MetricName, Timestamp, Step, Value }) => ({
      name: MetricName,
      at: Timestamp.getTime(),
      step: Step,
      value: Value,
    })),
  });
  const errors = [
    ...given
      .filter((datum) => !isUsable(datum))
      .map(({ index }) => ({ Code: "VALIDATION_ERROR" as const, MetricIndex: index })),
    ...refused.map(({ index }) => ({
      Code: "METRIC_LIMIT_EXCEEDED" as const,
      MetricIndex: (usable[index] as { index: number }).index,
    })),
  ];
  return errors.length > 0 ? { Errors: errors.sort((a, b) => a.MetricIndex - b.MetricIndex) } : {};
};
