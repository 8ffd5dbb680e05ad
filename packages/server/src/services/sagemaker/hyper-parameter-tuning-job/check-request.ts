import { ServiceError, validationException } from "../../../errors.ts";
import { type Parameter, SearchSpace } from "../../../tuning/index.ts";
import type { OperationPlace } from "../../service.ts";
import { objectiveHyperParameter } from "../training-job/apply-algorithm.ts";
import { checkTrialRequest } from "../training-job/create.ts";
import { checkSearchable } from "./check-names.ts";
import { childName, childRequest, machinesOf } from "./child-request.ts";
import { type Definition, definitionsOf } from "./definitions.ts";
import { hyperbandResources } from "./hyperband-resources.ts";
import { gridSize, parametersOf } from "./parameters.ts";
import type { TuningConfig, TuningJobSpec } from "./tuning-job.ts";

/** What an account may have, where the service's default could be raised. */
const maxParallel = 100;
const maxTrials = 750;
const maxRandomTrials = 10_000;
/** Static, tunable and the one that is added. */
const maxHyperParameters = 100;

/**
 * Applies the rules of CreateHyperParameterTuningJob that the model of the API cannot state, and tries the request of a
 * trial against those of CreateTrainingJob: what every trial would be refused for is told now.
 * @throws ValidationException naming the member, or the hyperparameter.
 * @throws ResourceLimitExceeded
 */
export async function checkTuningRequest(spec: TuningJobSpec, place: OperationPlace): Promise<void> {
  checkShape(spec);
  checkAutoParameters(spec);
  const config = spec.HyperParameterTuningJobConfig as TuningConfig;
  const definitions = definitionsOf(spec);
  const spaces = definitions.map(({ ranges, member }) => parametersOf(ranges, member));
  checkStrategy(config, definitions, spaces);
  checkLimits(config);
  for (const [index, definition] of definitions.entries()) {
    const parameters = spaces[index] as readonly Parameter[];
    checkHyperParameters(definition, parameters);
    checkMachines(definition);
    await checkSearchable(definition, parameters, place);
    await tryTrial(spec, definition, parameters, place);
  }
}

function checkShape(spec: TuningJobSpec): void {
  const config = spec.HyperParameterTuningJobConfig as TuningConfig;
  const { TrainingJobDefinition: single, TrainingJobDefinitions: many } = spec;
  if ((single === undefined) === (many === undefined)) {
    throw validationException("Exactly one of TrainingJobDefinition and TrainingJobDefinitions must be given.");
  }
  if (single) {
    if (!config.HyperParameterTuningJobObjective) {
      throw validationException("HyperParameterTuningJobConfig.HyperParameterTuningJobObjective is required.");
    }
    for (const member of ["TuningObjective", "HyperParameterRanges"] as const) {
      if (single[member] === undefined) continue;
      throw validationException(
        `TrainingJobDefinition.${member} can only be given in TrainingJobDefinitions; with a single definition it belongs into HyperParameterTuningJobConfig.`,
      );
    }
    return;
  }
  for (const member of ["HyperParameterTuningJobObjective", "ParameterRanges"] as const) {
    if (config[member] === undefined) continue;
    throw validationException(
      `HyperParameterTuningJobConfig.${member} cannot be given with TrainingJobDefinitions: each definition has its own.`,
    );
  }
  const names = new Set<string>();
  for (const [index, definition] of (many ?? []).entries()) {
    const where = `TrainingJobDefinitions.${index + 1}.member`;
    if (definition.DefinitionName === undefined) throw validationException(`${where}.DefinitionName is required.`);
    if (names.has(definition.DefinitionName)) {
      throw validationException(`${where}.DefinitionName ${definition.DefinitionName} is given twice.`);
    }
    names.add(definition.DefinitionName);
    if (!definition.TuningObjective) throw validationException(`${where}.TuningObjective is required.`);
    if (definition.TuningObjective.Type !== many?.[0]?.TuningObjective?.Type) {
      throw validationException(`${where}.TuningObjective.Type must be the same in all definitions.`);
    }
  }
}

function checkAutoParameters(spec: TuningJobSpec): void {
  if (spec.Autotune?.Mode === "Enabled") return;
  for (const { ranges, member } of definitionsOf(spec)) {
    const [first] = ranges.AutoParameters ?? [];
    if (!first) continue;
    throw validationException(
      `${member}: the hyperparameter ${first.Name} is in AutoParameters, which need Autotune with the mode Enabled.`,
    );
  }
}

function checkStrategy(
  config: TuningConfig,
  definitions: readonly Definition[],
  spaces: readonly (readonly Parameter[])[],
): void {
  const { Strategy, StrategyConfig, TrainingJobEarlyStoppingType: early, ResourceLimits: limits } = config;
  if (StrategyConfig?.HyperbandStrategyConfig && Strategy !== "Hyperband") {
    throw validationException(`StrategyConfig.HyperbandStrategyConfig cannot be given with the strategy ${Strategy}.`);
  }
  if (Strategy === "Hyperband") {
    if (early === "Auto") {
      throw validationException(
        "TrainingJobEarlyStoppingType must be Off with the strategy Hyperband, which stops training jobs by itself.",
      );
    }
    for (const definition of definitions) hyperbandResources(config, definition);
  }
  if (Strategy === "Grid") {
    const sizes = definitions.map(({ member }, index) => gridSize(spaces[index] as readonly Parameter[], member));
    const size = sizes.reduce((sum, each) => sum + each, 0);
    const wanted = limits?.MaxNumberOfTrainingJobs;
    if (wanted !== undefined && wanted !== size) {
      throw validationException(
        `ResourceLimits.MaxNumberOfTrainingJobs is ${wanted}; with the strategy Grid it can be left out or must be the number of combinations, ${size}.`,
      );
    }
    if (size > maxTrials) throw limitExceeded("training jobs of a tuning job", size, maxTrials);
  }
}

function checkLimits({ Strategy, ResourceLimits: limits }: TuningConfig): void {
  const { MaxNumberOfTrainingJobs: trials, MaxParallelTrainingJobs: parallel, MaxRuntimeInSeconds } = limits;
  if (trials === undefined && MaxRuntimeInSeconds === undefined && Strategy !== "Grid") {
    throw validationException("ResourceLimits needs MaxNumberOfTrainingJobs or MaxRuntimeInSeconds.");
  }
  const most = Strategy === "Random" ? maxRandomTrials : maxTrials;
  if (trials !== undefined && trials > most) throw limitExceeded("training jobs of a tuning job", trials, most);
  if (parallel > maxParallel) throw limitExceeded("parallel training jobs of a tuning job", parallel, maxParallel);
}

function checkHyperParameters({ definition, member }: Definition, parameters: readonly Parameter[]): void {
  const fixed = definition.StaticHyperParameters ?? {};
  const twice = parameters.find(({ name }) => Object.hasOwn(fixed, name));
  if (twice) {
    throw validationException(`${member}: the hyperparameter ${twice.name} is in StaticHyperParameters, too.`);
  }
  const own = parameters.find(({ name }) => name === objectiveHyperParameter);
  if (own)
    throw validationException(`${member}: the hyperparameter ${objectiveHyperParameter} is set by the tuning job.`);
  const count = new Set([...Object.keys(fixed), objectiveHyperParameter]).size + parameters.length;
  if (count > maxHyperParameters) {
    throw validationException(
      `A training job would have ${count} hyperparameters, the objective's name included; at most ${maxHyperParameters} are allowed.`,
    );
  }
}

function checkMachines({ definition }: Definition): void {
  const { ResourceConfig, HyperParameterTuningResourceConfig: flexible } = definition;
  if ((ResourceConfig === undefined) === (flexible === undefined)) {
    throw validationException(
      "A training job definition takes exactly one of ResourceConfig and HyperParameterTuningResourceConfig.",
    );
  }
  if (!flexible) return;
  const isSingle = flexible.InstanceType !== undefined || flexible.InstanceCount !== undefined;
  if (isSingle === (flexible.InstanceConfigs !== undefined)) {
    throw validationException(
      "HyperParameterTuningResourceConfig takes either InstanceType and InstanceCount, or InstanceConfigs.",
    );
  }
}

/** The request of a trial with the middle of each range, on any of the machines that it may have. */
async function tryTrial(
  spec: TuningJobSpec,
  definition: Definition,
  parameters: readonly Parameter[],
  place: OperationPlace,
): Promise<void> {
  const space = new SearchSpace(parameters);
  const values = space.decode(space.fromUnit(new Float64Array(parameters.length).fill(0.5)));
  const name = childName({ name: spec.HyperParameterTuningJobName as string, createdAt: 0 }, 1);
  let refusal: unknown;
  for (const machines of machinesOf(definition.definition)) {
    try {
      await checkTrialRequest(childRequest(name, definition, values, machines, []), place);
      return;
    } catch (error) {
      if (!(error instanceof ServiceError && error.code === "ResourceLimitExceeded")) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

function limitExceeded(what: string, wanted: number, most: number): ServiceError {
  return new ServiceError(
    "ResourceLimitExceeded",
    `The account-level service limit 'Maximum number of ${what}' is ${most}, with a request of ${wanted}.`,
    { status: 400 },
  );
}
