import { labelOf, type Prediction, scoreOf } from "./answers.ts";
import { auc, aucInterval } from "./statistics/auc.ts";
import type { Difference, Estimate } from "./statistics/interval.ts";
import { meanDifference, meanInterval, pairedDifference, sampleOfValues } from "./statistics/means.ts";
import { mcnemarExact, shareDifference, shareInterval } from "./statistics/proportions.ts";

/** SageMaker Model Monitor's names. */
export type ProblemType = "BinaryClassification" | "MulticlassClassification" | "Regression";

/** A prediction and what turned out to be true. */
export interface TruthPair {
  /** The request's, and the record's within it: the same for a request and its copy. */
  readonly id: string;
  /** A class or a number, in one form for `1`, `1.0` and `"1"`. */
  readonly truth: string;
  readonly prediction: Prediction;
}

/** How good one variant's predictions are. */
export interface Quality {
  readonly problem: ProblemType;
  readonly count: number;
  readonly metrics: Readonly<Record<string, Estimate>>;
  /** What a comparison is made of, by id: 1 for a right class and 0 for a wrong one, or the absolute error. */
  readonly records: ReadonlyMap<string, number>;
}

/** One variant's predictions against another's, by the metric that decides. */
export interface QualityComparison {
  readonly metric: "accuracy" | "mae";
  readonly isHigherBetter: boolean;
  /** Both variants were asked the same, so that each answer has its counterpart. */
  readonly isPaired: boolean;
  readonly difference: Difference;
}

/** The kind of problem, where nobody says: by what the truths and the predictions look like. */
export function problemOf(pairs: readonly TruthPair[]): ProblemType {
  const truths = new Set(pairs.map(({ truth }) => truth));
  const isNumeric = [...truths].every((truth) => truth !== "" && Number.isFinite(Number(truth)));
  if (!isNumeric) return "MulticlassClassification";
  const areClasses = pairs.some(({ prediction }) => prediction.label !== undefined || prediction.scores !== undefined);
  const isBinary = [...truths].every((truth) => truth === "0" || truth === "1");
  const areProbabilities = pairs.every(
    ({ prediction: { score } }) => score === undefined || (score >= 0 && score <= 1),
  );
  if (isBinary && (areClasses || areProbabilities)) return "BinaryClassification";
  const areIntegers = pairs.every(
    ({ truth, prediction: { score } }) =>
      Number.isInteger(Number(truth)) && (score === undefined || Number.isInteger(score)),
  );
  return areClasses || (areIntegers && truths.size <= mostClasses) ? "MulticlassClassification" : "Regression";
}

/** More different whole numbers than this are counts, not classes. */
const mostClasses = 20;

/** @param threshold - Scores from here on are class 1. */
export function qualityOf(pairs: readonly TruthPair[], problem: ProblemType, threshold: number): Quality {
  return problem === "Regression" ? regression(pairs) : classification(pairs, problem, threshold);
}

function classification(pairs: readonly TruthPair[], problem: ProblemType, threshold: number): Quality {
  const isBinary = problem === "BinaryClassification";
  const judged = pairs.map(({ id, truth, prediction }) => ({
    id,
    truth,
    said: labelOf(prediction, isBinary, threshold),
  }));
  const records = new Map(judged.map(({ id, truth, said }) => [id, truth === said ? 1 : 0]));
  const right = judged.filter(({ truth, said }) => truth === said).length;
  const metrics: Record<string, Estimate> = { accuracy: shareInterval({ count: right, of: judged.length }) };
  if (isBinary) {
    const hits = judged.filter(({ truth, said }) => truth === "1" && said === "1").length;
    const positive = (side: "truth" | "said") => judged.filter((each) => each[side] === "1").length;
    metrics["precision"] = shareInterval({ count: hits, of: positive("said") });
    metrics["recall"] = shareInterval({ count: hits, of: positive("truth") });
    const area = auc(scoresOf(pairs, "1"), scoresOf(pairs, "0"));
    if (area !== undefined) metrics["auc"] = aucInterval(area);
  }
  return { problem, count: pairs.length, metrics, records };
}

function scoresOf(pairs: readonly TruthPair[], truth: string): number[] {
  const scores = pairs.filter((each) => each.truth === truth).map(({ prediction }) => scoreOf(prediction));
  return scores.every((score) => score !== undefined) ? scores : [];
}

function regression(pairs: readonly TruthPair[]): Quality {
  const errors = pairs.map(({ truth, prediction: { score, label } }) => (score ?? Number(label)) - Number(truth));
  const squares = meanInterval(sampleOfValues(errors.map((error) => error ** 2)));
  const root = (value: number) => Math.sqrt(Math.max(0, value));
  return {
    ...{ problem: "Regression", count: pairs.length },
    metrics: {
      mae: meanInterval(sampleOfValues(errors.map(Math.abs))),
      mse: squares,
      rmse: { value: root(squares.value), low: root(squares.low), high: root(squares.high) },
    },
    records: new Map(pairs.map(({ id }, at) => [id, Math.abs(errors[at] as number)])),
  };
}

/** How much better or worse b's predictions are than a's. */
export function compareQuality(a: Quality, b: Quality): QualityComparison | undefined {
  if (a.problem !== b.problem || a.count === 0 || b.count === 0) return undefined;
  const isRegression = a.problem === "Regression";
  const metric = isRegression ? "mae" : "accuracy";
  const common = [...a.records].flatMap(([id, value]) => {
    const other = b.records.get(id);
    return other === undefined ? [] : [[value, other] as const];
  });
  const said = { metric, isHigherBetter: !isRegression } as const;
  // Answers to the same requests succeed and fail together: tests of independent samples would not see how alike they are.
  if (common.length * 2 > Math.min(a.count, b.count)) {
    const differences = pairedDifference(sampleOfValues(common.map(([before, after]) => after - before)));
    if (isRegression) return { ...said, isPaired: true, difference: differences };
    const onlyFirst = common.filter(([before, after]) => before > after).length;
    const onlySecond = common.filter(([before, after]) => after > before).length;
    const p = mcnemarExact(onlyFirst, onlySecond);
    return { ...said, isPaired: true, difference: { ...differences, p, test: "McNemar's exact test" } };
  }
  const [before, after] = [[...a.records.values()], [...b.records.values()]];
  if (isRegression) {
    return { ...said, isPaired: false, difference: meanDifference(sampleOfValues(before), sampleOfValues(after)) };
  }
  const share = (values: readonly number[]) => ({
    count: values.filter((value) => value === 1).length,
    of: values.length,
  });
  return { ...said, isPaired: false, difference: shareDifference(share(before), share(after)) };
}
