import { checkFinite } from "../formats/check-finite.ts";
import type { RowBlock } from "../formats/stream/row-block.ts";
import type { TrainingContext } from "../job/algorithm.ts";
import type { Channel } from "../job/channels.ts";
import { CustomerError } from "../job/errors.ts";
import type { Forest } from "./forest.ts";
import type { ForestHyperparameters } from "./hyperparameters.ts";
import { countAbove, scoresOf } from "./metrics.ts";
import { putRow } from "./put-row.ts";

type Job = Pick<TrainingContext<ForestHyperparameters>, "hyperparameters" | "channels" | "log" | "signal">;

/** Rows that are scored together. */
const sliceRows = 4096;

/** Scores the test channel, calls what is three standard deviations above the mean odd, and says how that agrees. */
export async function evaluate(job: Job, forest: Forest): Promise<void> {
  const { hyperparameters, log, signal } = job;
  const test = job.channels.get("test");
  if (test === undefined) {
    log.info("Test data is not provided.");
    return;
  }
  if (signal.aborted) return;
  const { scores, labels } = await scoreChannel(test, forest, hyperparameters.feature_dim);
  if (labels === undefined) {
    log.warning("The test channel has no labels (label_size is 0): there is nothing to compare scores with.");
    return;
  }
  const values = scoresOf(countAbove(scores, labels));
  for (const group of hyperparameters.eval_metrics) {
    for (const name of reported[group]) {
      log.qualityMetric({ split: "test", name, kind: "score", value: values[name] });
    }
  }
}

/** What each of the words of `eval_metrics` asks for. */
const reported = {
  accuracy: ["accuracy"],
  precision_recall_fscore: ["precision", "recall", "f1"],
} as const satisfies Record<string, readonly (keyof ReturnType<typeof scoresOf>)[]>;

interface Scored {
  readonly scores: readonly Float64Array[];
  /** For each part of the scores; undefined where rows have none. */
  readonly labels: readonly Float32Array[] | undefined;
}

async function scoreChannel(test: Channel, forest: Forest, width: number): Promise<Scored> {
  const area = forest.area(sliceRows);
  const options = { labelWidth: 1, defaultContentType: "text/csv", featureDim: width, isDense: false, isOnePass: true };
  const scores: Float64Array[] = [];
  const labels: Float32Array[] = [];
  let hasLabels = true;
  for await (const block of test.stream(options)) {
    checkFinite(block.features, test.name, block.firstRow);
    hasLabels &&= block.labelWidth > 0;
    if (hasLabels) labels.push(labelsOf(block));
    const found = new Float64Array(block.features.count);
    for (let first = 0; first < found.length; first += sliceRows) {
      const count = Math.min(sliceRows, found.length - first);
      for (let i = 0; i < count; i++) putRow(block.features, first + i, area.values, i * forest.stride);
      forest.score(area, count);
      found.set(area.scores.subarray(0, count), first);
    }
    scores.push(found);
  }
  return { scores, labels: hasLabels ? labels : undefined };
}

/** The first label of each row. @throws CustomerError naming one that is neither 1 nor 0. */
function labelsOf({ labels, labelWidth, features, firstRow }: RowBlock): Float32Array {
  const first = Float32Array.from({ length: features.count }, (_, i) => labels[i * labelWidth] as number);
  const wrong = first.findIndex((label) => label !== 0 && label !== 1);
  if (wrong < 0) return first;
  throw new CustomerError(
    `The test channel has a label that is neither 1 (an anomaly) nor 0: row ${firstRow + wrong + 1} has ${first[wrong]}.`,
  );
}
