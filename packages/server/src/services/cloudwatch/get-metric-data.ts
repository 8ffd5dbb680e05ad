import type { Platform } from "../../platform.ts";
import type { Scope } from "../../scope.ts";
import { readDimensions } from "./dimensions.ts";
import { invalidParameterCombination, invalidParameterValue } from "./errors.ts";
import { type Expression, evaluate, parseExpression, type Series } from "./metric-math.ts";
import type { CloudWatchInput, CloudWatchOperation } from "./operation.ts";
import { checkPeriod, readRange } from "./period.ts";
import { statisticNamed } from "./statistic.ts";

/** Most points of one page, which is also the default. */
const maxPoints = 100_800;
const maxQueries = 500;

type Request = CloudWatchInput<"GetMetricData">;
type Query = Request["MetricDataQueries"][number];

/** Statistics of several metrics and what is computed of them, in pages. */
export const getMetricData: CloudWatchOperation<"GetMetricData"> = async (input, { scope, platform }) => {
  const queries = checkQueries(input.MetricDataQueries);
  const limit = input.MaxDatapoints ?? maxPoints;
  if (limit < 1 || limit > maxPoints) throw invalidParameterValue(`MaxDatapoints must be 1 to ${maxPoints}.`);
  const results = new Map<string, Series>();
  for (const query of queries) {
    if (query.MetricStat) results.set(query.Id, await readMetric(query, input, scope, platform));
  }
  for (const query of inOrder(queries)) results.set(query.Id, evaluate(query.expression, results));
  const shown = queries.filter(({ ReturnData = true }) => ReturnData);
  if (shown.length === 0) throw invalidParameterCombination("At least one of the queries must return data.");
  const newestFirst = input.ScanBy !== "TimestampAscending";
  return { Messages: [], ...page(shown, results, newestFirst, limit, input.NextToken) };
};

function checkQueries(queries: readonly Query[]): readonly Query[] {
  if (queries.length > maxQueries) throw invalidParameterValue(`At most ${maxQueries} queries can be made at once.`);
  const ids = new Set<string>();
  for (const { Id: id, MetricStat, Expression, AccountId } of queries) {
    if (!/^[a-z]\w*$/.test(id)) throw invalidParameterValue(`The Id "${id}" must begin with a lower-case letter.`);
    if (ids.has(id)) throw invalidParameterValue(`The Id "${id}" is given twice.`);
    ids.add(id);
    if ((MetricStat === undefined) === (Expression === undefined)) {
      throw invalidParameterCombination(`The query "${id}" must have either MetricStat or Expression.`);
    }
    if (AccountId !== undefined && !/^\d{12}$/.test(AccountId)) throw invalidParameterValue("AccountId is invalid.");
  }
  return queries;
}

async function readMetric({ MetricStat, AccountId }: Query, input: Request, scope: Scope, platform: Platform) {
  const { Metric, Period, Stat, Unit } = MetricStat as NonNullable<Query["MetricStat"]>;
  checkPeriod("MetricStat.Period", Period);
  const statistic = statisticNamed(Stat);
  const range = readRange(input.StartTime, input.EndTime, Period, platform.clock.now());
  if (Metric?.Namespace === undefined || Metric.MetricName === undefined) {
    throw invalidParameterValue("MetricStat.Metric needs Namespace and MetricName.");
  }
  // Nobody shares metrics with another account here.
  const isOurs = AccountId === undefined || AccountId === scope.account;
  const periods = await platform.metrics.statistics({
    ...{ scope, namespace: Metric.Namespace, name: Metric.MetricName, dimensions: readDimensions(Metric.Dimensions) },
    // Periods are aligned to themselves, whatever the start.
    ...{ from: Math.floor(range.from / Period) * Period, to: range.to, period: Period },
    ...(Unit !== undefined && { unit: Unit }),
  });
  const points = new Map<number, number>();
  for (const { at, values } of isOurs ? periods : []) {
    const value = statistic(values);
    if (value !== undefined) points.set(at, value);
  }
  return { points, label: Metric.MetricName, period: Period };
}

interface ExpressionQuery extends Query {
  readonly expression: Expression;
}

/** Expressions after those they use. @throws InvalidParameterValue for one that uses itself or what is not there. */
function inOrder(queries: readonly Query[]): ExpressionQuery[] {
  const ids = new Set(queries.map(({ Id }) => Id));
  const waiting = queries
    .filter(({ Expression }) => Expression !== undefined)
    .map((query): ExpressionQuery => ({ ...query, expression: parseExpression(query.Expression as string) }));
  const done = new Set(queries.filter(({ MetricStat }) => MetricStat).map(({ Id }) => Id));
  const ordered: ExpressionQuery[] = [];
  while (waiting.length > 0) {
    const next = waiting.findIndex(({ expression }) => expression.uses.every((id) => done.has(id)));
    if (next < 0) {
      const missing = waiting.flatMap(({ expression }) => expression.uses).find((id) => !ids.has(id));
      throw invalidParameterValue(
        missing === undefined
          ? "Expressions must not depend on each other in a circle."
          : `There is no query with the Id "${missing}".`,
      );
    }
    const [query] = waiting.splice(next, 1) as [ExpressionQuery];
    done.add(query.Id);
    ordered.push(query);
  }
  return ordered;
}

/** The points of all results one after another are what pages cut. */
function page(
  queries: readonly Query[],
  results: ReadonlyMap<string, Series>,
  newestFirst: boolean,
  limit: number,
  token: string | undefined,
) {
  const start = token === undefined ? 0 : Number(token);
  if (!Number.isSafeInteger(start) || start < 0) throw invalidParameterValue("The parameter NextToken is invalid.");
  let position = 0;
  const shown = [];
  for (const { Id, Label } of queries) {
    const { points, label } = results.get(Id) as Series;
    const sorted = [...points].sort(([a], [b]) => (newestFirst ? b - a : a - b));
    const from = Math.max(0, start - position);
    const to = Math.max(0, start + limit - position);
    const cut = sorted.slice(from, to);
    const isHere = cut.length > 0 || (sorted.length === 0 && start === 0);
    position += sorted.length;
    if (!isHere) continue;
    shown.push({
      Id,
      Label: Label ?? label,
      Timestamps: cut.map(([at]) => new Date(at * 1000)),
      Values: cut.map(([, value]) => value),
      StatusCode: to < sorted.length ? ("PartialData" as const) : ("Complete" as const),
    });
  }
  const next = start + limit < position ? { NextToken: String(start + limit) } : {};
  return { MetricDataResults: shown, ...next };
}
