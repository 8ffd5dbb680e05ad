import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TrainingContext } from "../../job/algorithm.ts";
import { channelBytes } from "../../job/channel-bytes.ts";
import type { Channel } from "../../job/channels.ts";
import { CustomerError } from "../../job/errors.ts";
import { algorithmsOf, analyzeData, featuresOf } from "../analysis/analyze-data.ts";
import { defaultEnsembles } from "../candidates/plans.ts";
import { writeDelimited } from "../data/delimited.ts";
import { readChannel } from "../data/read-channel.ts";
import { dataFiles, dataFolder } from "../data-files.ts";
import type { AutopilotHyperparameters } from "../hyperparameters.ts";
import { candidateNotebook } from "../reports/candidate-notebook.ts";
import { explorationNotebook } from "../reports/exploration-notebook.ts";

/** Looks at the data of a job, divides it, plans candidates, and writes all that down with the notebooks. */
export async function analyze(job: TrainingContext<AutopilotHyperparameters>): Promise<void> {
  const { hyperparameters, channels, memoryBytes, checkpointsDirectory: output, log } = job;
  const { target, problem_type: type, objective, mode, max_candidates: most } = hyperparameters;
  if (target === undefined) throw new CustomerError("The hyperparameter target is required for the stage analyze.");
  if (output === undefined) throw new CustomerError("The stage analyze needs a checkpoint folder for its results.");
  const training = channels.get("training");
  if (training === undefined) throw new CustomerError("The stage analyze needs the channel 'training'.");
  const table = readChannel(training, { memoryBytes });
  const validation = channels.get("validation");
  const held = validation && readChannel(validation, { memoryBytes, names: table.names });
  log.info(`Training data: ${table.count} rows, ${table.names.length} columns.`);
  const { analysis, ...rows } = analyzeData(table, held, {
    ...{ target, mode, algorithms: algorithmsOf(hyperparameters.algorithms) },
    problemType: type === "Auto" ? undefined : type,
    objective: objective === "Auto" ? undefined : objective,
    validationFraction: hyperparameters.validation_fraction,
    maxCandidates: most === "Auto" ? defaultEnsembles : most,
    features: specificationOf(channels.get("specification")),
    sizeBytes: channelBytes(training),
  });
  for (const note of analysis.notes) log.info(note);
  log.info(`${analysis.problem.type} by ${analysis.objective}, ${analysis.mode}.`);
  const write = (name: string, content: string) => {
    const path = join(output, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  };
  write(`${dataFolder}/${dataFiles.train}`, writeDelimited(rows.train));
  write(`${dataFolder}/${dataFiles.validation}`, writeDelimited(rows.validation));
  const notebooks = `sagemaker-automl-candidates/${hyperparameters.own_name}/notebooks`;
  const about = { analysis, given: hyperparameters, dataUri: `${hyperparameters.output}/${dataFolder}/` };
  write(`${notebooks}/SageMakerAutopilotDataExplorationNotebook.ipynb`, explorationNotebook(about, rows.train));
  if (analysis.mode === "HYPERPARAMETER_TUNING") {
    write(`${notebooks}/SageMakerAutopilotCandidateDefinitionNotebook.ipynb`, candidateNotebook(about));
  }
  // Last: whoever finds it finds everything.
  write(`${dataFolder}/${dataFiles.analysis}`, JSON.stringify(analysis));
}

function specificationOf(channel: Channel | undefined) {
  if (channel?.directory === undefined) return undefined;
  const [file] = readdirSync(channel.directory, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(channel.directory as string, name)).isFile(),
  );
  if (file === undefined) throw new CustomerError("The feature specification is not there.");
  return featuresOf(readFileSync(join(channel.directory, file), "utf8"));
}
