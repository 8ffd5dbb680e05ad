import { type Distribution, percentile } from "../metrics/distribution.ts";
import { compareQuality, type Quality, type QualityComparison } from "./quality.ts";
import { holm } from "./statistics/holm.ts";
import type { Difference, Estimate } from "./statistics/interval.ts";
import { meanDifference, type Sample, sampleOf } from "./statistics/means.ts";
import { type Share, shareDifference, shareInterval } from "./statistics/proportions.ts";

/** What was counted and measured of one variant. */
export interface VariantMeasures {
  readonly name: string;
  readonly model: string;
  readonly role: "Production" | "Shadow";
  readonly requests: number;
  readonly clientErrors: number;
  readonly serverErrors: number;
  readonly latency?: Latency;
  readonly quality?: Quality;
}

/** Of the model, in milliseconds. */
export interface Latency {
  readonly meanMs: number;
  readonly p50Ms?: number;
  readonly p90Ms?: number;
  readonly p99Ms?: number;
  /** For a test of means, where the spread of values is known. */
  readonly sample?: Sample;
}

/** How the answers of two variants to the same requests compare. */
export interface AnswerComparison {
  readonly first: string;
  readonly second: string;
  readonly identical: Share;
  readonly agreeing: Share;
  readonly sameLabels: Share;
  /** Mean absolute difference of the answers' numbers. */
  readonly difference: number | undefined;
  /** Requests that were to be copied and were not. */
  readonly notCopied: number;
}

/** What is compared. Times are milliseconds since 1970. */
export interface ComparisonInput {
  readonly title: string;
  readonly status?: string;
  readonly from: number;
  readonly to: number;
  /** The first is what the others are compared with. */
  readonly variants: readonly VariantMeasures[];
  readonly answers?: AnswerComparison;
}

/** `better`, `worse`: shown at the 5 % level, all variants together. */
export type Verdict = "better" | "worse" | "no difference shown" | "too few requests";

/** A report, as it is written to S3. */
export interface ComparisonReport {
  readonly version: "1.0";
  readonly title: string;
  readonly status?: string;
  readonly from: string;
  readonly to: string;
  readonly variants: readonly VariantReport[];
  readonly comparisons: readonly VariantComparison[];
  readonly answers?: AnswerReport;
}

export interface VariantReport extends Omit<VariantMeasures, "latency" | "quality"> {
  readonly errorRate: Estimate;
  readonly latency?: Omit<Latency, "sample">;
  readonly quality?: Omit<Quality, "records">;
}

/** One variant against the first one. p-values are adjusted for the number of variants. */
export interface VariantComparison {
  readonly variant: string;
  readonly against: string;
  readonly errorRate: Difference;
  readonly latencyMs?: Difference;
  readonly quality?: QualityComparison;
  readonly verdict: Verdict;
}

export interface AnswerReport extends Omit<AnswerComparison, "identical" | "agreeing" | "sameLabels"> {
  readonly compared: number;
  readonly identical: Estimate;
  readonly agreeing: Estimate;
  /** Of the pairs whose answers have classes. */
  readonly sameLabels?: Estimate;
}

/** Differences that come about by chance in fewer than so many of all comparisons count. */
const significance = 0.05;
/** With fewer requests hardly any difference could be shown. */
const leastRequests = 30;

/** Compares variants with the first one of them. */
export function compareVariants({ variants, answers, from, to, ...said }: ComparisonInput): ComparisonReport {
  const [first, ...others] = variants;
  const comparisons = first === undefined ? [] : adjusted(others.map((each) => compareWith(first, each)));
  const answerReport = answers && reportAnswers(answers);
  return {
    ...{ version: "1.0", ...said, from: new Date(from).toISOString(), to: new Date(to).toISOString() },
    ...{ variants: variants.map(reportVariant), comparisons },
    ...(answerReport && { answers: answerReport }),
  };
}

/** Latency as the metrics have it. */
export function latencyOf(microseconds: Distribution): Latency {
  const at = (percent: number) => (percentile(microseconds, percent) ?? Number.NaN) / 1_000;
  const { spread, sum, count } = microseconds;
  return {
    meanMs: sum / count / 1_000,
    ...(spread && { p50Ms: at(50), p90Ms: at(90), p99Ms: at(99) }),
    ...(spread && { sample: sampleOf(spread.map(([value, times]) => [value / 1_000, times] as const)) }),
  };
}

function errorsOf({ requests, clientErrors, serverErrors }: VariantMeasures): Share {
  return { count: clientErrors + serverErrors, of: requests };
}

function reportVariant(measures: VariantMeasures): VariantReport {
  const { latency, quality, ...counts } = measures;
  return {
    ...counts,
    errorRate: shareInterval(errorsOf(measures)),
    ...(latency && { latency: withoutSample(latency) }),
    ...(quality && { quality: withoutRecords(quality) }),
  };
}

function withoutSample({ sample: _, ...latency }: Latency): Omit<Latency, "sample"> {
  return latency;
}

function withoutRecords({ records: _, ...quality }: Quality): Omit<Quality, "records"> {
  return quality;
}

function compareWith(
  first: VariantMeasures,
  other: VariantMeasures,
): Omit<VariantComparison, "verdict"> & { isEnough: boolean } {
  const [before, after] = [first.latency?.sample, other.latency?.sample];
  const quality = first.quality && other.quality && compareQuality(first.quality, other.quality);
  return {
    ...{ variant: other.name, against: first.name },
    errorRate: shareDifference(errorsOf(first), errorsOf(other)),
    ...(before && after && { latencyMs: meanDifference(before, after) }),
    ...(quality && { quality }),
    isEnough: Math.min(first.requests, other.requests) >= leastRequests,
  };
}

/** Several variants give chance several chances. */
function adjusted(comparisons: readonly ReturnType<typeof compareWith>[]): VariantComparison[] {
  const errors = holm(comparisons.map(({ errorRate }) => errorRate.p));
  const latencies = holm(comparisons.map(({ latencyMs }) => latencyMs?.p ?? 1));
  const qualities = holm(comparisons.map(({ quality }) => quality?.difference.p ?? 1));
  return comparisons.map(({ isEnough, ...each }, at) => {
    const comparison = {
      ...each,
      errorRate: { ...each.errorRate, p: errors[at] as number },
      ...(each.latencyMs && { latencyMs: { ...each.latencyMs, p: latencies[at] as number } }),
      ...(each.quality && {
        quality: { ...each.quality, difference: { ...each.quality.difference, p: qualities[at] as number } },
      }),
    };
    return { ...comparison, verdict: verdictOf(comparison, isEnough) };
  });
}

/**
 * Worse predictions or more errors make a variant worse. Better predictions make it better, fewer errors where nobody
 * knows about its predictions. How fast it answers is reported and decides nothing: what is fast enough, its users know.
 */
function verdictOf({ errorRate, quality }: Omit<VariantComparison, "verdict">, isEnough: boolean): Verdict {
  const errors = directionOf(errorRate, false);
  const predictions = quality && directionOf(quality.difference, quality.isHigherBetter);
  if (errors === "worse" || predictions === "worse") return "worse";
  if (predictions === "better" || (predictions === undefined && errors === "better")) return "better";
  return isEnough ? "no difference shown" : "too few requests";
}

function directionOf({ value, p }: Difference, isHigherBetter: boolean): "better" | "worse" | "same" {
  if (!(p < significance) || value === 0) return "same";
  return value > 0 === isHigherBetter ? "better" : "worse";
}

function reportAnswers({ identical, agreeing, sameLabels, ...rest }: AnswerComparison): AnswerReport {
  return {
    ...rest,
    compared: agreeing.of,
    identical: shareInterval(identical),
    agreeing: shareInterval(agreeing),
    ...(sameLabels.of > 0 && { sameLabels: shareInterval(sameLabels) }),
  };
}
