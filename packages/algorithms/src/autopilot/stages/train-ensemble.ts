import type { TrainingContext } from "../../job/algorithm.ts";
import { CustomerError } from "../../job/errors.ts";
import { type Member, readAnalysis, readRows } from "../analysis/analysis.ts";
import { type Artifact, writeArtifact } from "../candidates/artifact.ts";
import { openEnsemble } from "../candidates/open-candidate.ts";
import { pickRows } from "../data/raw-table.ts";
import { fitEnsemble } from "../ensemble/fit-ensemble.ts";
import type { AutopilotHyperparameters } from "../hyperparameters.ts";
import { learnerNames } from "../learners/learner.ts";
import { measure } from "../metrics/measure.ts";
import { dataDirectory } from "./data-directory.ts";
import { reportLatency, reportScores } from "./report-scores.ts";

const seed = 7;

/** Trains a candidate that is an ensemble, and measures it on the validation rows, which none of it has seen. */
export async function trainEnsemble(job: TrainingContext<AutopilotHyperparameters>): Promise<void> {
  const { log, library, modelDirectory: directory, signal, cpus, memoryBytes } = job;
  const data = dataDirectory(job);
  const analysis = readAnalysis(data);
  const { problem, objective, profiles, inputs } = analysis;
  const members = membersOf(job.hyperparameters.members);
  const train = readRows(data, "train", analysis);
  const { ensemble, heldOut } = await fitEnsemble({
    ...{ problem, objective, profiles, members, train, directory },
    ...{ library, cpus, memoryBytes, signal, log, seed },
  });
  const artifact = { kind: "ensemble", problem, inputs, ensemble } as const satisfies Artifact;
  await writeArtifact(directory, artifact);
  for (const { learner, weight } of ensemble.members) log.info(`${learner}: weight ${weight.toFixed(2)}`);
  const { table, labels } = readRows(data, "validation", analysis);
  // As it will be deployed: what was written is read again.
  const answer = await openEnsemble(artifact, directory, library);
  reportScores(log, problem, "train", measure(problem, heldOut.labels, heldOut.answers));
  reportScores(log, problem, "validation", measure(problem, labels, answer(table)));
  const one = pickRows(table, [0]);
  reportLatency(log, () => answer(one));
}

function membersOf(text: string): Member[] {
  const read = JSON.parse(text) as unknown;
  const isMember = (each: unknown): each is Member =>
    typeof each === "object" && each !== null && learnerNames.includes((each as Member).learner);
  if (!Array.isArray(read) || read.length === 0 || !read.every(isMember)) {
    throw new CustomerError(`The hyperparameter members must be a list of models, got ${text.slice(0, 200)}`);
  }
  return read.map(({ learner, settings }) => ({ learner, settings: settings ?? {} }));
}
