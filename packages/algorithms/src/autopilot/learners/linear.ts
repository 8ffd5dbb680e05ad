import type { TrainingContext } from "../../job/algorithm.ts";
import type { Channel } from "../../job/channels.ts";
import { parseHyperparameters } from "../../job/hyperparameters.ts";
import type { JobLog } from "../../job/job-log.ts";
import { linearLearnerDefinition } from "../../linear-learner/definition.ts";
import { fit as fitLinear } from "../../linear-learner/fit.ts";
import { load as loadLinear } from "../../linear-learner/predict.ts";
import type { Problem } from "../problem.ts";
import type { Labelled, Learner, LearnerJob } from "./learner.ts";

const predictorTypes = {
  BinaryClassification: "binary_classifier",
  MulticlassClassification: "multiclass_classifier",
  Regression: "regressor",
} as const;

/** The built-in linear learner, as a training job of it would run. */
export const linearLearner: Learner = {
  name: "linear-learner",
  async fit(job) {
    const given = hyperparametersOf(job);
    const channels = new Map([
      ["train", channelOf("train", job.train)],
      ["validation", channelOf("validation", job.watched)],
    ]);
    const hyperparameters = parseHyperparameters(linearLearnerDefinition.hyperparameters, given);
    const context = {
      ...{ hyperparameters, given, channels, log: quiet(job.log), modelDirectory: job.directory },
      ...{ outputDirectory: job.directory, checkpointsDirectory: undefined, cpus: job.cpus },
      ...{ memoryBytes: job.memoryBytes, signal: job.signal, library: undefined },
      resources: { currentHost: "algo-1", hosts: ["algo-1"], instanceType: undefined },
    } satisfies TrainingContext<typeof hyperparameters>;
    await fitLinear(context as Parameters<typeof fitLinear>[0]);
  },
  async load(directory, problem) {
    const predictor = await loadLinear(directory);
    return { predict: (rows) => scores(problem, predictor.predict(rows).columns) };
  },
};

function hyperparametersOf({ problem, train, settings }: LearnerJob): Record<string, string> {
  const { rows } = train;
  return {
    predictor_type: predictorTypes[problem.type],
    ...(problem.type === "MulticlassClassification" && { num_classes: String(problem.classes.length) }),
    // Passes over few rows cost little, and gradient descent needs its steps.
    epochs: String(Math.max(15, Math.min(100, Math.round(300_000 / rows.count)))),
    mini_batch_size: String(Math.min(rows.count, rows.count < 5000 ? 32 : 200)),
    num_models: "8",
    ...(problem.type === "BinaryClassification" && { binary_classifier_model_selection_criteria: "loss_function" }),
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)])),
  };
}

function channelOf(name: string, { rows, labels }: Labelled): Channel {
  const table = { features: rows, labels, labelWidth: 1 };
  return {
    ...{ name, directory: undefined, contentType: undefined, distribution: "FullyReplicated" },
    isEmpty: () => rows.count === 0,
    read: async () => table,
    readIfKept: async () => table,
    stream: () => {
      throw new Error("the linear learner reads channels as a whole");
    },
  };
}

/** Its lines are for jobs of its own: a candidate has dozens of models. Warnings are heard. */
function quiet(log: JobLog): JobLog {
  const nothing = () => undefined;
  return {
    ...{ info: nothing, qualityMetric: nothing, earlyStoppingCriteria: nothing, progress: nothing },
    ...{ throughput: nothing, score: nothing, metrics: nothing },
    warning: (text) => log.warning(text),
    error: (text) => log.error(text),
  };
}

function scores(problem: Problem, columns: readonly { name: string; values: Float32Array | Float64Array }[]) {
  const score = columns.find(({ name }) => name === "score");
  if (score === undefined) throw new Error(`the linear learner gave no score for ${problem.type}`);
  return Float64Array.from(score.values);
}
