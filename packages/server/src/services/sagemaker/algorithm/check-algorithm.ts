import { validationException } from "../../../errors.ts";
import { UnknownImage } from "../../../images/resolve-image.ts";
import type { OperationContext } from "../../service.ts";
import { checkExecutionRole } from "../execution-role.ts";
import { checkMetricDefinitions } from "../training-job/check-metric-definitions.ts";
import type { AlgorithmValue, HyperParameterSpecification, TrainingSpecification } from "./algorithm-record.ts";
import { wrongValue } from "./hyper-parameter-value.ts";

/**
 * Applies the rules of CreateAlgorithm that the model of the API cannot state.
 * @throws ValidationException with the first rule that is broken.
 */
export function checkAlgorithm(spec: AlgorithmValue["spec"], context: OperationContext): void {
  const { TrainingSpecification: training, InferenceSpecification: inference } = spec;
  checkImage("TrainingSpecification.TrainingImage", training.TrainingImage, context);
  if (training.AdditionalS3DataSource) {
    throw validationException("TrainingSpecification.AdditionalS3DataSource is not supported.");
  }
  for (const each of training.SupportedHyperParameters ?? []) checkHyperParameter(each);
  checkOnce("SupportedHyperParameters", training.SupportedHyperParameters ?? []);
  checkOnce("TrainingChannels", training.TrainingChannels);
  checkMetricDefinitions("TrainingSpecification.MetricDefinitions", training.MetricDefinitions);
  checkObjectives(training);
  for (const { Image } of inference?.Containers ?? []) {
    if (Image !== undefined) checkImage("InferenceSpecification.Containers.Image", Image, context);
  }
  if (spec.ValidationSpecification) checkValidation(spec.ValidationSpecification, context);
}

function checkValidation(
  validation: NonNullable<AlgorithmValue["spec"]["ValidationSpecification"]>,
  context: OperationContext,
): void {
  checkExecutionRole(context, validation.ValidationRole as string);
  for (const { ProfileName, TransformJobDefinition } of validation.ValidationProfiles ?? []) {
    if (TransformJobDefinition === undefined) continue;
    // A status Completed that rests on half of what was asked for would not be true.
    throw validationException(
      `ValidationSpecification: the profile ${ProfileName} has a TransformJobDefinition, and there is no batch transform yet. Leave it out: its training job is run.`,
    );
  }
}

function checkImage(member: string, uri: string, { platform }: OperationContext): void {
  try {
    platform.images.find(uri);
  } catch (error) {
    if (error instanceof UnknownImage) throw validationException(`${member}: ${error.message}`);
    throw error;
  }
}

const rangeMembers = {
  Integer: "IntegerParameterRangeSpecification",
  Continuous: "ContinuousParameterRangeSpecification",
  Categorical: "CategoricalParameterRangeSpecification",
  FreeText: undefined,
} as const;

function checkHyperParameter(specification: HyperParameterSpecification): void {
  const { Name, Type, Range, DefaultValue } = specification;
  const refuse = (what: string) => validationException(`SupportedHyperParameters: ${Name} ${what}.`);
  for (const [member, range] of Object.entries(Range ?? {})) {
    if (range !== undefined && member !== rangeMembers[Type]) throw refuse(`is ${Type} and cannot have a ${member}`);
  }
  const range = Range?.IntegerParameterRangeSpecification ?? Range?.ContinuousParameterRangeSpecification;
  if (range && !(Number(range.MinValue) <= Number(range.MaxValue))) {
    throw refuse(`has a MinValue, ${range.MinValue}, that is not a number up to its MaxValue, ${range.MaxValue}`);
  }
  const wrong = DefaultValue === undefined ? undefined : wrongValue(specification, DefaultValue);
  if (wrong !== undefined) throw refuse(`has a DefaultValue that it does not allow: ${wrong}`);
}

function checkOnce(member: string, list: readonly { readonly Name: string }[]): void {
  const names = list.map(({ Name }) => Name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw validationException(`${member} has ${twice} twice.`);
}

function checkObjectives(training: TrainingSpecification): void {
  const metrics = new Set((training.MetricDefinitions ?? []).map(({ Name }) => Name));
  for (const { MetricName } of training.SupportedTuningJobObjectiveMetrics ?? []) {
    if (metrics.has(MetricName)) continue;
    throw validationException(
      `SupportedTuningJobObjectiveMetrics names ${MetricName}, which is not one of the MetricDefinitions.`,
    );
  }
}
