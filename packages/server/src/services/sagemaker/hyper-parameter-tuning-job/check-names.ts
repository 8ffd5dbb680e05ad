import { parseHyperparameters } from "@sagebrush/algorithms/definitions";
import { validationException } from "../../../errors.ts";
import { UnknownImage } from "../../../images/resolve-image.ts";
import type { Parameter, Values } from "../../../tuning/index.ts";
import type { OperationPlace } from "../../service.ts";
import type { TrainingSpecification } from "../algorithm/algorithm-record.ts";
import { findAlgorithm } from "../algorithm/find-algorithm.ts";
import { wrongValue } from "../algorithm/hyper-parameter-value.ts";
import { builtIn } from "./built-in.ts";
import type { Definition } from "./definitions.ts";

/**
 * Checks what is varied, and by which metric it is judged, against what the algorithm has.
 * @throws ValidationException naming the hyperparameter or the metric.
 */
export async function checkSearchable(
  definition: Definition,
  parameters: readonly Parameter[],
  place: OperationPlace,
): Promise<void> {
  const { AlgorithmSpecification: algorithm } = definition.definition;
  if (algorithm?.AlgorithmName !== undefined) {
    const found = await findAlgorithm(algorithm.AlgorithmName, place);
    checkAgainstResource(definition, parameters, found.value.arn, found.value.spec.TrainingSpecification);
    return;
  }
  const known = builtIn(definition.definition, place);
  if (known) {
    const metrics = known.metrics.map(({ name }) => name);
    checkObjective(definition, metrics, `the algorithm ${known.name}`);
    for (const { name } of parameters) {
      const has = Object.entries(known.hyperparameters).some(([each, { aliases = [] }]) =>
        [each, ...aliases].includes(name),
      );
      if (!has) throw refuse(definition, name, `is none of the algorithm ${known.name}`);
    }
    for (const values of extremes(parameters)) {
      try {
        parseHyperparameters(
          known.hyperparameters,
          { ...definition.definition.StaticHyperParameters, ...values },
          known.wording,
        );
      } catch (error) {
        if ((error as Error).name !== "CustomerError") throw error;
        throw validationException(
          `The algorithm ${known.name} refuses what training jobs would be given: ${(error as Error).message}`,
        );
      }
    }
    return;
  }
  const metrics = (algorithm?.MetricDefinitions ?? []).map(({ Name }) => Name as string);
  if (algorithm?.TrainingImage !== undefined) checkImage(algorithm.TrainingImage, place);
  checkObjective(definition, metrics, "AlgorithmSpecification.MetricDefinitions");
}

function checkImage(uri: string, { platform }: OperationPlace): void {
  try {
    platform.images.find(uri, true);
  } catch (error) {
    if (error instanceof UnknownImage) throw validationException(error.message);
    throw error;
  }
}

function checkObjective({ objective }: Definition, metrics: readonly string[], where: string): void {
  if (metrics.includes(objective.MetricName as string)) return;
  throw validationException(
    `The objective metric ${objective.MetricName} is none of ${where}. Metrics are: ${metrics.join(", ") || "none"}.`,
  );
}

function checkAgainstResource(
  definition: Definition,
  parameters: readonly Parameter[],
  arn: string,
  training: TrainingSpecification,
): void {
  const objectives = (training.SupportedTuningJobObjectiveMetrics ?? []).map(({ MetricName }) => MetricName as string);
  const metrics = (training.MetricDefinitions ?? []).map(({ Name }) => Name as string);
  checkObjective(definition, objectives.length > 0 ? objectives : metrics, `algorithm ${arn}`);
  for (const { name } of parameters) {
    const specification = (training.SupportedHyperParameters ?? []).find(({ Name }) => Name === name);
    if (!specification) throw refuse(definition, name, `is none of algorithm ${arn}`);
    if (specification.IsTunable !== true) throw refuse(definition, name, `is not tunable in algorithm ${arn}`);
    for (const values of extremes(parameters)) {
      const wrong = wrongValue(specification, values[name] as string);
      if (wrong !== undefined)
        throw refuse(definition, name, `has a range that algorithm ${arn} does not allow: ${wrong}`);
    }
  }
}

/** The ends of all ranges, and every categorical value once: what lies between them is allowed where these are. */
function extremes(parameters: readonly Parameter[]): Values[] {
  const most = Math.max(2, ...parameters.map((each) => (each.kind === "categorical" ? each.values.length : 0)));
  return Array.from({ length: most }, (_, index) =>
    Object.fromEntries(
      parameters.map((each) => {
        if (each.kind === "categorical") return [each.name, each.values[index % each.values.length] as string];
        return [each.name, String(index % 2 === 0 ? each.min : each.max)];
      }),
    ),
  );
}

function refuse({ member }: Definition, name: string, what: string): Error {
  return validationException(`${member}: the hyperparameter ${name} ${what}.`);
}
