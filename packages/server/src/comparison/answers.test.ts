import { expect, test } from "vitest";
import { compareAnswers } from "./agreement.ts";
import { labelOf, readPredictions } from "./answers.ts";

const answer = (text: string, contentType = "application/json") => ({ contentType, body: Buffer.from(text) });

test("answers of built-in algorithms, frameworks and plain handlers are read as predictions", () => {
  const read = (text: string, type?: string, records?: number) => readPredictions(answer(text, type), records);
  expect(read('{"predictions":[{"score":[0.1,0.9],"predicted_label":1}]}')).toEqual([
    { label: "1", scores: [0.1, 0.9] },
  ]);
  expect(read('{"predictions":[{"score":2.5},{"score":3}]}')).toEqual([{ score: 2.5 }, { score: 3 }]);
  expect(read('{"predictions":[{"closest_cluster":3.0,"distance_to_cluster":1}]}')).toEqual([{ label: "3" }]);
  expect(read('["cat","dog"]')).toEqual([{ label: "cat" }, { label: "dog" }]);
  expect(read("[[0.2,0.8]]")).toEqual([{ scores: [0.2, 0.8] }]);
  expect(read("0.25\n0.75\n", "text/csv")).toEqual([{ score: 0.25 }, { score: 0.75 }]);
  expect(read("0.25,0.75", "text/csv; charset=utf-8")).toEqual([{ scores: [0.25, 0.75] }]);
  expect(read("0.25,0.75", "text/csv", 2)).toEqual([{ score: 0.25 }, { score: 0.75 }]);
  expect(read('{"label":"a"}\n{"label":"b"}', "application/jsonlines")).toEqual([{ label: "a" }, { label: "b" }]);
  expect(read("0.5", "application/octet-stream")).toEqual([{ score: 0.5 }]);
  expect(read("\u0001\u0002", "application/octet-stream")).toBeUndefined();
  expect(read("{", "application/json")).toBeUndefined();
  expect(read('{"status":"ok"}')).toBeUndefined();
  expect(read("")).toEqual([]);
});

test("a prediction stands for a class by its label, its largest score, or a threshold", () => {
  expect(labelOf({ label: "cat", score: 0.1 }, true, 0.5)).toBe("cat");
  expect(labelOf({ score: 0.7 }, true, 0.5)).toBe("1");
  expect(labelOf({ score: 0.7 }, true, 0.8)).toBe("0");
  expect(labelOf({ scores: [0.1, 0.7, 0.2] }, false, 0.5)).toBe("1");
  expect(labelOf({ score: 2 }, false, 0.5)).toBe("2");
});

test("answers agree by their meaning, not by their bytes", () => {
  const a = answer('{"predictions":[{"score":0.70000001,"predicted_label":1}]}');
  expect(compareAnswers(a, a)).toEqual({ isIdentical: true, agrees: true, hasSameLabels: true, difference: 0 });
  expect(compareAnswers(a, answer('{"predictions": [{"predicted_label": 1.0, "score": 0.7}]}'))).toMatchObject({
    isIdentical: false,
    agrees: true,
    hasSameLabels: true,
  });
  const other = compareAnswers(a, answer('{"predictions":[{"score":0.9,"predicted_label":1}]}'));
  expect(other).toMatchObject({ agrees: false, hasSameLabels: true });
  expect(other.difference).toBeCloseTo(0.1);
  expect(compareAnswers(a, answer('{"predictions":[{"score":0.2,"predicted_label":0}]}'))).toMatchObject({
    agrees: false,
    hasSameLabels: false,
  });
  expect(compareAnswers(answer("1.5\n2", "text/csv"), answer("1.5\n2\n3", "text/csv"))).toEqual({
    isIdentical: false,
    agrees: false,
  });
  expect(compareAnswers(answer("a,1", "text/csv"), answer("b,1", "text/csv")).agrees).toBe(false);
});

test("what cannot be read, is long or nests deeply is compared by its bytes", () => {
  const [long, longer] = [answer("1".repeat(200_000), "text/plain"), answer("2".repeat(200_000), "text/plain")];
  expect(compareAnswers(long, longer)).toEqual({ isIdentical: false, agrees: false });
  const deep = (inside: string) => answer("[".repeat(50_000) + inside + "]".repeat(50_000));
  expect(compareAnswers(deep("1"), deep("2")).agrees).toBe(false);
  const bytes = (value: number) => ({ contentType: "image/png", body: Buffer.from([137, 0, value]) });
  expect(compareAnswers(bytes(1), bytes(2))).toEqual({ isIdentical: false, agrees: false });
});
