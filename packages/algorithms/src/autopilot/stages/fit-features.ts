import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DenseRows } from "../../formats/rows.ts";
import type { TrainingContext } from "../../job/algorithm.ts";
import { CustomerError } from "../../job/errors.ts";
import { readAnalysis, readRows } from "../analysis/analysis.ts";
import { writeArtifact } from "../candidates/artifact.ts";
import { dataFiles } from "../data-files.ts";
import { applyFeatures, fitFeatures } from "../features/pipeline.ts";
import type { AutopilotHyperparameters } from "../hyperparameters.ts";
import { dataDirectory } from "./data-directory.ts";

const seed = 7;

/** Fits a pipeline of features on the training rows, and writes both splits as numbers for the search. */
export async function fitFeaturesStage(job: TrainingContext<AutopilotHyperparameters>): Promise<void> {
  const { hyperparameters, checkpointsDirectory: output, modelDirectory, log } = job;
  if (output === undefined) throw new CustomerError("The stage features needs a checkpoint folder for its results.");
  const data = dataDirectory(job);
  const analysis = readAnalysis(data);
  const plan = analysis.pipelines.find(({ name }) => name === hyperparameters.pipeline);
  if (plan === undefined) throw new CustomerError(`The analysis has no pipeline '${hyperparameters.pipeline}'.`);
  const { problem, profiles, inputs } = analysis;
  const train = readRows(data, "train", analysis);
  const { pipeline, rows } = fitFeatures({ ...train, problem, profiles, style: plan.style, seed });
  const validation = readRows(data, "validation", analysis);
  log.info(`Pipeline ${plan.name}: ${inputs.length} columns become ${pipeline.names.length} features.`);
  write(output, dataFiles.train, rows, train.labels);
  write(output, dataFiles.validation, applyFeatures(pipeline, validation.table), validation.labels);
  await writeArtifact(modelDirectory, { kind: "features", problem, inputs, pipeline });
}

/** Labels first, as the built-in algorithms want them; a gap is an empty field. */
function write(output: string, name: string, { values, width, count }: DenseRows, labels: Float64Array): void {
  const lines: string[] = [];
  for (let row = 0; row < count; row++) {
    const fields: (string | number)[] = [labels[row] as number];
    for (let i = row * width; i < (row + 1) * width; i++) {
      const value = values[i] as number;
      fields.push(Number.isNaN(value) ? "" : value);
    }
    lines.push(fields.join(","));
  }
  const path = join(output, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, `${lines.join("\n")}\n`);
}
