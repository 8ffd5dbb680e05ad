import { ServiceError, validationException } from "../../../errors.ts";
import type { OperationPlace } from "../../service.ts";
import { objectiveHyperParameter } from "../training-job/apply-algorithm.ts";
import { type Definition, definitionsOf } from "./definitions.ts";
import { parametersOf } from "./parameters.ts";
import { tuningJobs } from "./resource.ts";
import { isEnded, type TuningConfig, type TuningJobRecord, type TuningJobSpec } from "./tuning-job.ts";

/** Hyperparameters that may move between static and tunable, or change their static value, count 2 each of these. */
const maxChanges = 10;
/** Training jobs of a tuning job and its parents together. */
const maxTrials = 750;

/**
 * Checks what a tuning job may start from.
 * @throws ValidationException naming the parent.
 */
export async function checkWarmStart(spec: TuningJobSpec, place: OperationPlace): Promise<void> {
  const { WarmStartConfig: warm } = spec;
  if (!warm) return;
  const config = spec.HyperParameterTuningJobConfig as TuningConfig;
  if (!spec.TrainingJobDefinition) {
    throw validationException("WarmStartConfig cannot be given with TrainingJobDefinitions.");
  }
  if (config.Strategy !== "Bayesian" && config.Strategy !== "Random") {
    throw validationException(`WarmStartConfig takes the strategies Bayesian and Random, not ${config.Strategy}.`);
  }
  const own = definitionsOf(spec)[0] as Definition;
  const names = (warm.ParentHyperParameterTuningJobs ?? []).map((each) => each.HyperParameterTuningJobName);
  let trials = config.ResourceLimits?.MaxNumberOfTrainingJobs ?? 0;
  for (const [index, name] of names.entries()) {
    if (name === undefined || names.indexOf(name) !== index) {
      throw validationException(`WarmStartConfig: the parent ${index + 1} has no name, or that of another parent.`);
    }
    const parent = await findParent(name, place);
    checkParent(own, parent, warm.WarmStartType === "IdenticalDataAndAlgorithm");
    trials += parent.value.progress.launched;
  }
  if (trials <= maxTrials) return;
  throw validationException(
    `WarmStartConfig: this tuning job and its parents have ${trials} training jobs together; at most ${maxTrials} are allowed.`,
  );
}

async function findParent(name: string, place: OperationPlace): Promise<TuningJobRecord> {
  try {
    return await tuningJobs.get(place, name);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    throw validationException(`WarmStartConfig: the parent tuning job ${name} does not exist.`);
  }
}

function checkParent(own: Definition, parent: TuningJobRecord, isIdentical: boolean): void {
  const refuse = (what: string) =>
    validationException(`WarmStartConfig: the parent tuning job ${parent.name} ${what}.`);
  if (!isEnded(parent)) throw refuse(`is in status ${parent.status}; it must have ended`);
  const [theirs, another] = definitionsOf(parent.value.spec);
  if (!theirs || another) throw refuse("has several training job definitions");
  const [metric, needed] = [theirs.objective.MetricName, own.objective.MetricName];
  if (metric !== needed) throw refuse(`has the objective metric ${metric}, and not ${needed}`);
  if (theirs.objective.Type !== own.objective.Type) throw refuse(`has an objective to ${theirs.objective.Type}`);
  const before = kindsOf(theirs);
  const now = kindsOf(own);
  const unknown =
    [...now.keys()].find((name) => !before.has(name)) ?? [...before.keys()].find((name) => !now.has(name));
  if (unknown !== undefined) {
    throw refuse(`does not have the same hyperparameters: ${unknown} is in one of the two only`);
  }
  let changes = 0;
  for (const [name, kind] of now) {
    const was = before.get(name) as string;
    if (was === kind) continue;
    const isStatic = was.startsWith("static") || kind.startsWith("static");
    if (!isStatic) throw refuse(`has the hyperparameter ${name} as ${was}, and not as ${kind}`);
    changes += 2;
  }
  if (changes > maxChanges) {
    throw refuse(`differs in too many static hyperparameters: ${changes / 2}, and at most ${maxChanges / 2} may`);
  }
  if (isIdentical) checkIdentical(own, theirs, refuse);
}

function checkIdentical(own: Definition, theirs: Definition, refuse: (what: string) => Error): void {
  const image = ({ definition: { AlgorithmSpecification: each } }: Definition) =>
    each?.TrainingImage ?? each?.AlgorithmName;
  if (image(own) !== image(theirs)) throw refuse("has another algorithm; take TransferLearning");
  const data = ({ definition }: Definition) =>
    JSON.stringify((definition.InputDataConfig ?? []).map(({ ChannelName, DataSource }) => [ChannelName, DataSource]));
  if (data(own) !== data(theirs)) throw refuse("has other input data; take TransferLearning");
}

/** What each hyperparameter is: tunable with its kind, or static with its value. */
function kindsOf({ definition, ranges, member }: Definition): Map<string, string> {
  const fixed = Object.entries(definition.StaticHyperParameters ?? {}).filter(
    ([name]) => name !== objectiveHyperParameter,
  );
  return new Map([
    ...fixed.map(([name, value]): [string, string] => [name, `static ${value}`]),
    ...parametersOf(ranges, member).map(({ name, kind }): [string, string] => [name, kind]),
  ]);
}
