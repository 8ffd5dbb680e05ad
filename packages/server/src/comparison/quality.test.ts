import { expect, test } from "vitest";
import { comparisonText } from "./comparison-text.ts";
import { compareQuality, problemOf, qualityOf, type TruthPair } from "./quality.ts";
import { compareVariants, type VariantMeasures } from "./variant-comparison.ts";

/** Records of which so many are right, as labels 0 and 1 in turn. */
function labelled(prefix: string, count: number, right: number): TruthPair[] {
  return Array.from({ length: count }, (_, at) => {
    const truth = String(at % 2);
    return { id: `${prefix}${at}`, truth, prediction: { label: at < right ? truth : String(1 - (at % 2)) } };
  });
}

function measures(name: string, requests: number, serverErrors: number, pairs?: TruthPair[]): VariantMeasures {
  return {
    ...{ name, model: `${name}-model`, role: "Production", requests, clientErrors: 0, serverErrors },
    ...(pairs && { quality: qualityOf(pairs, problemOf(pairs), 0.5) }),
  };
}

const compare = (...variants: VariantMeasures[]) => compareVariants({ title: "t", from: 0, to: 1_000, variants });

test("the kind of problem is told from truths and predictions", () => {
  const pair = (truth: string, prediction: TruthPair["prediction"]): TruthPair => ({ id: "x", truth, prediction });
  expect(problemOf([pair("1", { score: 0.7 }), pair("0", { score: 0.2 })])).toBe("BinaryClassification");
  expect(problemOf([pair("1", { score: 7 }), pair("0", { score: 0.2 })])).toBe("Regression");
  expect(problemOf([pair("2", { score: 2 }), pair("0", { score: 1 })])).toBe("MulticlassClassification");
  expect(problemOf([pair("cat", { label: "dog" })])).toBe("MulticlassClassification");
  expect(problemOf([pair("2.5", { score: 2 })])).toBe("Regression");
});

test("classes have accuracy, precision, recall and an area under the curve; numbers have errors", () => {
  const scored = [0.9, 0.8, 0.4, 0.6, 0.2, 0.1].map((score, at) => ({
    ...{ id: String(at), truth: at < 3 ? "1" : "0", prediction: { score } },
  }));
  const { metrics } = qualityOf(scored, "BinaryClassification", 0.5);
  expect(metrics["accuracy"]?.value).toBeCloseTo(4 / 6);
  expect(metrics["precision"]?.value).toBeCloseTo(2 / 3);
  expect(metrics["recall"]?.value).toBeCloseTo(2 / 3);
  expect(metrics["auc"]?.value).toBeCloseTo(8 / 9);
  const errors = qualityOf(
    [
      { id: "a", truth: "1", prediction: { score: 3 } },
      { id: "b", truth: "2", prediction: { score: 2 } },
    ],
    "Regression",
    0.5,
  );
  expect(errors.metrics["mae"]?.value).toBe(1);
  expect(errors.metrics["rmse"]?.value).toBeCloseTo(Math.sqrt(2));
});

test("a verdict needs evidence: predictions first, then errors", () => {
  const verdicts = (...others: VariantMeasures[]) => {
    const report = compare(measures("A", 1_000, 0, labelled("a", 1_000, 800)), ...others);
    return report.comparisons.map(({ verdict }) => verdict);
  };
  expect(verdicts(measures("B", 1_000, 0, labelled("b", 1_000, 860)))).toEqual(["better"]);
  expect(verdicts(measures("B", 1_000, 0, labelled("b", 1_000, 740)))).toEqual(["worse"]);
  expect(verdicts(measures("B", 1_000, 0, labelled("b", 1_000, 810)))).toEqual(["no difference shown"]);
  expect(verdicts(measures("B", 1_000, 40, labelled("b", 1_000, 860)))).toEqual(["worse"]);
  expect(verdicts(measures("B", 10, 0, labelled("b", 10, 9)))).toEqual(["too few requests"]);
  const [one] = compare(measures("A", 1_000, 50), measures("B", 1_000, 5)).comparisons;
  expect(one?.verdict).toBe("better");
  // 0.8 against 0.84 is p = 0.02 alone, and one of four chances here.
  const four = ["B", "C", "D", "E"].map((name) =>
    measures(name, 1_000, 0, labelled(name, 1_000, name === "B" ? 840 : 800)),
  );
  expect(verdicts(four[0] as VariantMeasures)).toEqual(["better"]);
  expect(verdicts(...four)).toEqual(Array.from({ length: 4 }, () => "no difference shown"));
});

test("answers to the same requests are compared pair by pair", () => {
  const [a, b] = [labelled("x", 200, 150), labelled("x", 200, 162)];
  const paired = compareQuality(qualityOf(a, "BinaryClassification", 0.5), qualityOf(b, "BinaryClassification", 0.5));
  // Twelve pairs differ, all in favour of the second: 2 · 0.5^12.
  expect(paired).toMatchObject({ metric: "accuracy", isPaired: true, difference: { test: "McNemar's exact test" } });
  expect(paired?.difference.p).toBeCloseTo(2 * 0.5 ** 12, 10);
  expect(paired?.difference.value).toBeCloseTo(0.06);
  const apart = compareQuality(
    qualityOf(a, "BinaryClassification", 0.5),
    qualityOf(labelled("y", 200, 162), "BinaryClassification", 0.5),
  );
  expect(apart?.isPaired).toBe(false);
  expect(apart?.difference.p).toBeGreaterThan(0.1);
});

test("a report is a table and sentences for people, and JSON without gaps for programs", () => {
  const report = compareVariants({
    ...{ title: "Two models", status: "Running", from: 0, to: 60_000 },
    variants: [measures("A", 200, 0, labelled("a", 200, 150)), { ...measures("B", 0, 0), role: "Shadow" }],
    answers: {
      ...{ first: "A", second: "B", identical: { count: 0, of: 0 }, agreeing: { count: 0, of: 0 } },
      ...{ sameLabels: { count: 0, of: 0 }, difference: undefined, notCopied: 3 },
    },
  });
  const text = comparisonText(report);
  expect(text).toMatch(/^# Two models\n\nStatus: Running\. From 1970-01-01T00:00:00\.000Z to/u);
  expect(text).toMatch(/\| accuracy +\| 0\.75 \[0\.\d+, 0\.\d+\] \| - +\|/u);
  expect(text).toContain("**B against A: too few requests.**\n- error rate: nothing to compare");
  expect(text).toContain("No answers of A and B were compared. 3 requests were not copied.");
  expect(JSON.parse(JSON.stringify(report)).variants[1].errorRate).toEqual({ value: null, low: 0, high: 1 });
});
