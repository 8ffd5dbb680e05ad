import type { Step } from "../../metrics/metric-store.ts";
import type { OperationContext } from "../service.ts";
import type { BatchGetMetrics, MetricQueryInput, MetricQueryResult } from "./operation.ts";

/** Raw values that one query reads; an answer made of so many says that it is not all. */
const maxSteps = 100_000;

/** Reads metrics of trial components, put together by period or by step. A query that is wrong says so in its own result. */
export const batchGetMetrics: BatchGetMetrics = async ({ MetricQueries }, context) => {
  const results: MetricQueryResult[] = [];
  for (const query of MetricQueries) results.push(await answer(query, context));
  return { MetricQueryResults: results };
};

async function answer(query: MetricQueryInput, { scope, platform }: OperationContext): Promise<MetricQueryResult> {
  const run = /:experiment-trial-component\/(.+)$/.exec(query.ResourceArn)?.[1];
  if (run === undefined) {
    return invalid(`ResourceArn ${query.ResourceArn} is not the ARN of a trial component.`);
  }
  const bySteps = query.Period === "IterationNumber";
  if (bySteps && query.XAxisType === "Timestamp") {
    return invalid("With Period IterationNumber, XAxisType must be IterationNumber.");
  }
  const found = await platform.metrics.steps({
    ...{ scope, run, name: query.MetricName },
    axis: query.XAxisType === "Timestamp" ? "time" : "step",
    from: query.Start ?? 0,
    to: query.End ?? Number.MAX_SAFE_INTEGER,
    limit: maxSteps + 1,
  });
  const steps = found.slice(0, maxSteps);
  const groups = bySteps ? byStep(steps) : byPeriod(steps, query);
  return {
    Status: found.length > maxSteps ? "Truncated" : "Complete",
    XAxisValues: groups.map(({ x }) => x),
    MetricValues: groups.map(({ values }) => statistics[query.MetricStat](values)),
  };
}

function invalid(message: string): MetricQueryResult {
  return { Status: "ValidationError", Message: message, XAxisValues: [], MetricValues: [] };
}

/** Values that are one point of the answer. */
interface Group {
  readonly x: number;
  readonly values: number[];
}

/** Values come in the order of their steps. */
function byStep(steps: readonly Step[]): Group[] {
  const groups: Group[] = [];
  for (const { step, value } of steps) {
    if (step === undefined) continue;
    const last = groups.at(-1);
    if (last?.x === step) last.values.push(value);
    else groups.push({ x: step, values: [value] });
  }
  return groups;
}

const periodMillis = { OneMinute: 60_000, FiveMinute: 300_000, OneHour: 3_600_000, IterationNumber: 1 } as const;

/** Periods by their beginning; on an axis of steps, by the first step in them. */
function byPeriod(steps: readonly Step[], { Period, XAxisType }: MetricQueryInput): Group[] {
  const width = periodMillis[Period];
  const periods = new Map<number, Group>();
  for (const { at, step, value } of steps) {
    if (XAxisType === "IterationNumber" && step === undefined) continue;
    const start = Math.floor(at / width) * width;
    const period = periods.get(start) ?? { x: XAxisType === "Timestamp" ? start : (step as number), values: [] };
    period.values.push(value);
    periods.set(start, period);
  }
  return [...periods.values()];
}

const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length;

const statistics: Readonly<Record<MetricQueryInput["MetricStat"], (values: readonly number[]) => number>> = {
  Min: (values) => values.reduce((least, each) => Math.min(least, each)),
  Max: (values) => values.reduce((most, each) => Math.max(most, each)),
  Avg: mean,
  Count: (values) => values.length,
  StdDev: (values) => {
    const middle = mean(values);
    return Math.sqrt(mean(values.map((each) => (each - middle) ** 2)));
  },
  Last: (values) => values.at(-1) as number,
};
