import { mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TrainingContext } from "../../job/algorithm.ts";
import { CustomerError } from "../../job/errors.ts";
import { readAnalysis, readRows } from "../analysis/analysis.ts";
import { readArtifact } from "../candidates/artifact.ts";
import { type Answering, openEnsemble, openModel } from "../candidates/open-candidate.ts";
import { untar } from "../data/untar.ts";
import { applyFeatures } from "../features/pipeline.ts";
import type { AutopilotHyperparameters } from "../hyperparameters.ts";
import { explainability } from "../reports/explainability.ts";
import { permutationImportance } from "../reports/importance.ts";
import { modelInsights, type ReportFiles } from "../reports/insights.ts";
import { dataDirectory } from "./data-directory.ts";

/** Looks at the best candidate: what it rests on, and how good it is, over the validation rows. */
export async function report(job: TrainingContext<AutopilotHyperparameters>): Promise<void> {
  const { hyperparameters, checkpointsDirectory: output, log } = job;
  if (output === undefined) throw new CustomerError("The stage report needs a checkpoint folder for its results.");
  const data = dataDirectory(job);
  const analysis = readAnalysis(data);
  const { problem, objective, profiles } = analysis;
  const { table, labels } = readRows(data, "validation", analysis);
  const predict = await openCandidate(job);
  const { candidate } = hyperparameters;
  const insights = modelInsights(problem, labels, predict(table));
  write(join(output, "model_monitor/output", candidate), insights);
  log.info(`Model insights: ${Object.keys(insights).join(", ")}.`);
  const columns = profiles.filter(({ left }) => left === undefined).map(({ name }) => name);
  const importances = permutationImportance({ problem, metric: objective, table, labels, columns, predict });
  write(join(output, "explainability/output", candidate), explainability(importances, objective));
  log.info(`Feature importance of ${columns.length} columns.`);
}

async function openCandidate(job: TrainingContext<AutopilotHyperparameters>): Promise<Answering> {
  const directory = unpack(dataDirectory(job, "model"));
  const artifact = readArtifact(directory);
  if (artifact.kind === "ensemble") return await openEnsemble(artifact, directory, job.library);
  if (artifact.kind !== "model") throw new CustomerError("The channel 'model' has no model.");
  const features = readArtifact(unpack(dataDirectory(job, "features")));
  if (features.kind !== "features") throw new CustomerError("The channel 'features' has no features.");
  const model = await openModel(artifact, directory, job.library);
  return (table) => model.predict(applyFeatures(features.pipeline, table));
}

/** Unpacks the only archive of a channel. */
function unpack(directory: string): string {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".tar.gz"),
  );
  const [file] = files.filter((name) => statSync(join(directory, name)).isFile());
  if (file === undefined) throw new CustomerError(`${directory} has no model.tar.gz.`);
  const folder = mkdtempSync(join(tmpdir(), "candidate-"));
  untar(join(directory, file), folder);
  return folder;
}

function write(folder: string, files: ReportFiles): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}
