import type { Distribution } from "../../metrics/distribution.ts";
import type { MetricPoints } from "../../metrics/metric-store.ts";
import { partitionOf } from "../../scope.ts";
import type { EndpointName, EndpointRoute } from "../routing/routing-table.ts";
import type { ShadowPeriod } from "./shadow-tally.ts";
import type { ShadowName, Shadows } from "./shadows.ts";

/** SageMaker counts nothing of what a shadow's answers are like: these metrics are our own. */
export const shadowNamespace = "Sagebrush/Shadow";

/** Names of the metrics, each by its meaning. */
export const shadowMetrics = {
  /** 1 for each pair of good answers that are the same bytes, 0 for each that is not. The others likewise. */
  identical: "AnswersIdentical",
  /** The same in all but formatting, numbers within one part in a million. */
  agreeing: "AnswersAgreeing",
  /** Of pairs whose answers have classes: the same class. */
  sameLabels: "LabelsAgreeing",
  /** Mean absolute difference of the numbers of a pair. */
  difference: "AnswerDifference",
  /** Requests that were to be copied and were not. */
  dropped: "CopiesDropped",
} as const;

/** The dimensions of a shadow variant under one configuration of its endpoint. */
export function shadowDimensions({ config, endpoint, variant }: Pick<ShadowName, "config" | "endpoint" | "variant">) {
  return [
    ["EndpointConfigName", config],
    ["EndpointName", endpoint],
    ["VariantName", variant],
  ] as const;
}

/** What became of copies since the last time, as metrics. @param at - Seconds since 1970. */
export function takeShadowMetrics({ shadows, lookup }: ShadowTable, at: number): MetricPoints[] {
  return [...shadows.all()].flatMap(({ copies, ...shadow }) => {
    const points = pointsOf(shadow, copies.tally.take(), at);
    const { account, region, endpoint } = shadow;
    const route = lookup({ account, region, name: endpoint });
    const isRouted = route?.variants.some((variant) => variant.shadow?.copies === copies) === true;
    if (!isRouted && copies.underWay === 0) shadows.drop(shadow);
    return points;
  });
}

interface ShadowTable {
  readonly shadows: Shadows;
  readonly lookup: (endpoint: EndpointName) => EndpointRoute | undefined;
}

function pointsOf(shadow: ShadowName, period: ShadowPeriod, at: number): MetricPoints[] {
  const { account, region } = shadow;
  const scope = { partition: partitionOf(region), account, region };
  const dimensions = shadowDimensions(shadow);
  const point = (name: string, values: Distribution): MetricPoints => ({
    ...{ scope, namespace: shadowNamespace, name, dimensions, unit: "None", at, resolution: 60, values },
  });
  const { compared, labelled, dropped, differences } = period;
  const points: MetricPoints[] = [];
  if (compared > 0) {
    points.push(point(shadowMetrics.identical, flags(period.identical, compared)));
    points.push(point(shadowMetrics.agreeing, flags(period.agreeing, compared)));
  }
  if (labelled > 0) points.push(point(shadowMetrics.sameLabels, flags(period.sameLabels, labelled)));
  if (differences !== undefined) points.push(point(shadowMetrics.difference, differences));
  if (dropped > 0) points.push(point(shadowMetrics.dropped, flags(dropped, dropped)));
  return points;
}

/** So many ones among so many values, so that an average is a rate. */
function flags(sum: number, count: number): Distribution {
  return { count, sum, min: sum === count ? 1 : 0, max: sum > 0 ? 1 : 0 };
}
