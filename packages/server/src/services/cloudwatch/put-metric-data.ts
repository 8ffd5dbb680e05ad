import { type Distribution, distributionOf } from "../../metrics/distribution.ts";
import { type MetricPoints, TooManySeries } from "../../metrics/metric-store.ts";
import { readDimensions } from "./dimensions.ts";
import {
  invalidParameterCombination,
  invalidParameterValue,
  limitExceeded,
  missingRequiredParameter,
} from "./errors.ts";
import type { CloudWatchInput, CloudWatchOperation } from "./operation.ts";

/** Limits of one request, as CloudWatch has them. */
const maxData = 1000;
const maxValues = 150;
const maxDimensions = 30;
const pastMillis = 14 * 24 * 3600_000;
const futureMillis = 2 * 3600_000;
/** Numbers beyond are refused; CloudWatch keeps them as multiples of powers of two. */
const largest = 2 ** 360;

type Datum = NonNullable<CloudWatchInput<"PutMetricData">["MetricData"]>[number];

/** Adds points to metrics of the caller's own namespaces. */
export const putMetricData: CloudWatchOperation<"PutMetricData"> = async (input, { scope, platform }) => {
  const { Namespace: namespace, MetricData: data = [] } = input;
  if (input.EntityMetricData?.length) {
    throw invalidParameterValue("EntityMetricData is not supported; send the metrics in MetricData.");
  }
  if (namespace.startsWith("AWS/")) throw invalidParameterValue("The value AWS/ for parameter Namespace is invalid.");
  if (namespace.startsWith(":"))
    throw invalidParameterValue("The value for parameter Namespace must not begin with a colon.");
  if (data.length === 0) throw missingRequiredParameter("The parameter MetricData is required.");
  if (data.length > maxData) {
    throw invalidParameterValue(`The collection MetricData must not have a size greater than ${maxData}.`);
  }
  const now = platform.clock.now();
  const points = data.map((datum, index): MetricPoints => {
    const member = `MetricData.member.${index + 1}`;
    return {
      scope,
      namespace,
      name: datum.MetricName,
      dimensions: checkDimensions(datum, member),
      unit: datum.Unit ?? "None",
      at: Math.floor(checkTime(datum, member, now) / 1000),
      resolution: checkResolution(datum, member),
      values: checkValues(datum, member),
    };
  });
  try {
    await platform.metrics.put(points);
  } catch (error) {
    if (error instanceof TooManySeries) throw limitExceeded(error.message);
    throw error;
  }
  return {};
};

function checkDimensions(datum: Datum, member: string) {
  if ((datum.Dimensions?.length ?? 0) > maxDimensions) {
    throw invalidParameterValue(`${member}.Dimensions must not have a size greater than ${maxDimensions}.`);
  }
  return readDimensions(datum.Dimensions);
}

function checkTime({ Timestamp: time }: Datum, member: string, now: number): number {
  if (!time) return now;
  const at = time.getTime();
  if (Number.isFinite(at) && at >= now - pastMillis && at <= now + futureMillis) return at;
  throw invalidParameterValue(
    `The parameter ${member}.Timestamp must specify a time within the past two weeks and up to two hours in the future.`,
  );
}

function checkResolution({ StorageResolution: resolution = 60 }: Datum, member: string): 1 | 60 {
  if (resolution === 1 || resolution === 60) return resolution;
  throw invalidParameterValue(`The parameter ${member}.StorageResolution must be 1 or 60.`);
}

/** A datum has one value, a list of values with their counts, or totals of values that it does not tell. */
function checkValues(datum: Datum, member: string): Distribution {
  const { Value, StatisticValues, Values, Counts } = datum;
  const given = [Value, StatisticValues, Values].filter((each) => each !== undefined).length;
  if (given === 0) {
    throw missingRequiredParameter(`${member} needs one of Value, Values and StatisticValues.`);
  }
  if (given > 1) {
    throw invalidParameterCombination(
      `The parameters ${member}.Value, Values and StatisticValues are mutually exclusive.`,
    );
  }
  if (StatisticValues) return checkTotals(StatisticValues, member);
  const values = Values ?? [Value as number];
  if (values.length === 0 || values.length > maxValues) {
    throw invalidParameterValue(`${member}.Values must have 1 to ${maxValues} elements.`);
  }
  if (Counts && Counts.length !== values.length) {
    throw invalidParameterValue(`${member}.Counts must have as many elements as Values.`);
  }
  const pairs = values.map((value, i) => {
    const count = Counts?.[i] ?? 1;
    checkNumber(value, `${member}.Value`);
    checkNumber(count, `${member}.Counts`);
    if (count <= 0) throw invalidParameterValue(`${member}.Counts must be greater than 0.`);
    return [value, count] as const;
  });
  return distributionOf(pairs);
}

function checkTotals(totals: NonNullable<Datum["StatisticValues"]>, member: string): Distribution {
  const { SampleCount: count, Sum: sum, Minimum: min, Maximum: max } = totals;
  for (const [name, value] of Object.entries(totals)) checkNumber(value as number, `${member}.StatisticValues.${name}`);
  if (count <= 0) throw invalidParameterValue(`${member}.StatisticValues.SampleCount must be greater than 0.`);
  if (min > max) {
    throw invalidParameterCombination(`${member}.StatisticValues.Minimum must not be greater than Maximum.`);
  }
  return { count, sum, min, max };
}

function checkNumber(value: number, member: string): void {
  if (Number.isFinite(value) && Math.abs(value) <= largest) return;
  throw invalidParameterValue(`The value ${value} for parameter ${member} is invalid.`);
}
