import { expect, test } from "vitest";
import { createJobLog, type JobLog } from "./job-log.ts";
import { pythonDictionary } from "./python-text.ts";

function linesOf(print: (log: JobLog) => void): string[] {
  const lines: string[] = [];
  const now = () => Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  print(createJobLog({ host: "algo-1", title: "Linear Learner", write: (line) => lines.push(line), now }));
  return lines;
}

const prefix = `[01/02/2026 03:04:05 INFO ${process.pid}]`;

test.for<[string, (log: JobLog) => void]>([
  [`${prefix} hello`, (log) => log.info("hello")],
  [
    `${prefix} #quality_metric: host=algo-1, epoch=0, train mse_objective <loss>=0.96`,
    (log) => log.qualityMetric({ epoch: 0, split: "train", name: "mse_objective", kind: "loss", value: 0.96 }),
  ],
  [
    `${prefix} #quality_metric: host=algo-1, epoch=1, batch=3 train mse <loss>=2`,
    (log) => log.qualityMetric({ epoch: 1, batch: 3, split: "train", name: "mse", kind: "loss", value: 2 }),
  ],
  [
    `${prefix} #quality_metric: host=algo-1, validation recall <score>=1`,
    (log) => log.qualityMetric({ split: "validation", name: "recall", kind: "score", value: 1 }),
  ],
  [
    `${prefix} #early_stopping_criteria_metric: host=algo-1, epoch=0, criteria=mse_objective, value=0.94`,
    (log) => log.earlyStoppingCriteria(0, "mse_objective", 0.94),
  ],
  [`${prefix} #progress_metric: host=algo-1, completed 6 % of epochs`, (log) => log.progress(6)],
  [
    `${prefix} #throughput_metric: host=algo-1, train throughput=52104.5 records/second`,
    (log) => log.throughput(52104.5),
  ],
  [`${prefix} #test_score (algo-1) : ('mse', 0.5)`, (log) => log.score("test", "mse", 0.5)],
  [
    '#metrics {"StartTime": 1.5, "EndTime": 1767323045.678, "Dimensions": {"Algorithm": "Linear Learner", ' +
      '"Host": "algo-1", "Operation": "training", "epoch": 0}, "Metrics": {"loss": {"sum": NaN, "count": 1, "min": 0, "max": 1e-7}}}',
    (log) =>
      log.metrics({
        startTime: 1.5,
        dimensions: { Operation: "training", epoch: 0 },
        metrics: { loss: { sum: Number.NaN, count: 1, min: 0, max: 1e-7 } },
      }),
  ],
])("%s", ([line, print]) => expect(linesOf(print)).toEqual([line]));

test("dictionaries are printed as Python prints them", () => {
  expect(pythonDictionary({ a: "1", b: "it's", c: "\\n", d: `"'` })).toBe(
    `{'a': '1', 'b': "it's", 'c': '\\\\n', 'd': '"\\''}`,
  );
});
