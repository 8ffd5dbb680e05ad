import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { DenseRows, Table } from "../../formats/rows.ts";
import type { TrainingContext } from "../../job/algorithm.ts";
import { CustomerError } from "../../job/errors.ts";
import { readAnalysis } from "../analysis/analysis.ts";
import { writeArtifact } from "../candidates/artifact.ts";
import { modelFolder } from "../candidates/open-candidate.ts";
import type { AutopilotHyperparameters } from "../hyperparameters.ts";
import type { Labelled } from "../learners/learner.ts";
import { learnerNamed } from "../learners/learners.ts";
import { measure } from "../metrics/measure.ts";
import { dataDirectory } from "./data-directory.ts";
import { reportLatency, reportScores } from "./report-scores.ts";

const seed = 7;
const searched = [
  ...["eta", "max_depth", "min_child_weight", "subsample", "colsample_bytree", "lambda"],
  ...["learning_rate", "l1", "wd"],
] as const satisfies readonly (keyof AutopilotHyperparameters)[];

/** Trains one model over features with the hyperparameters that a search has chosen, and measures it. */
export async function trainModel(job: TrainingContext<AutopilotHyperparameters>): Promise<void> {
  const { hyperparameters, log, library, modelDirectory, signal, cpus, memoryBytes } = job;
  const { problem, objective } = readAnalysis(dataDirectory(job, "analysis"));
  const train = await read(job, "train");
  const validation = await read(job, "validation");
  const directory = join(modelDirectory, modelFolder);
  mkdirSync(directory, { recursive: true });
  const learner = learnerNamed(hyperparameters.learner);
  const settings = Object.fromEntries(
    searched.flatMap((name) => (hyperparameters[name] === undefined ? [] : [[name, hyperparameters[name]]])),
  ) as Record<string, number>;
  await learner.fit({
    ...{ problem, objective, train, watched: validation, settings, directory },
    ...{ library, cpus, memoryBytes, signal, log, seed },
  });
  await writeArtifact(modelDirectory, { kind: "model", problem, learner: learner.name, width: train.rows.width });
  const model = await learner.load(directory, problem, library);
  for (const [split, { rows, labels }] of [
    ["train", train],
    ["validation", validation],
  ] as const) {
    reportScores(log, problem, split, measure(problem, labels, model.predict(rows)));
  }
  const one: DenseRows = { ...validation.rows, count: 1, values: validation.rows.values.slice(0, train.rows.width) };
  reportLatency(log, () => model.predict(one));
}

async function read(job: TrainingContext<AutopilotHyperparameters>, name: string): Promise<Labelled> {
  const channel = job.channels.get(name);
  if (channel === undefined) throw new CustomerError(`The stage model needs the channel '${name}'.`);
  const { features, labels }: Table = await channel.read({ labelWidth: 1, defaultContentType: "text/csv" });
  if (features.kind !== "dense") throw new CustomerError(`Channel '${name}' must have dense rows.`);
  return { rows: features, labels };
}
