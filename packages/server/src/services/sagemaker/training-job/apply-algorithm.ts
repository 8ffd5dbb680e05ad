import { validationException } from "../../../errors.ts";
import { hasOwnCode } from "../../../images/own-code.ts";
import type { OperationPlace } from "../../service.ts";
import type { TrainingSpecification } from "../algorithm/algorithm-record.ts";
import { checkUsable, findAlgorithm } from "../algorithm/find-algorithm.ts";
import { wrongValue } from "../algorithm/hyper-parameter-value.ts";
import { codeSigns } from "./code-signs.ts";
import type { TrainingJobSpec } from "./training-job.ts";

/**
 * Completes a request that names an algorithm resource: with its image, its metric definitions and the default values of
 * its hyperparameters. A request that names an image comes back as it is.
 * @param options.validates - Whether the job validates the algorithm, which nothing else may use before.
 * @throws ValidationException when the algorithm is not there or does not allow what is asked of it.
 */
export async function applyAlgorithm(
  request: TrainingJobSpec,
  context: OperationPlace,
  { validates = false }: { readonly validates?: boolean } = {},
): Promise<TrainingJobSpec> {
  const given = request.AlgorithmSpecification;
  if (!given) return request;
  if ((given.TrainingImage === undefined) === (given.AlgorithmName === undefined)) {
    throw validationException("AlgorithmSpecification takes exactly one of TrainingImage and AlgorithmName.");
  }
  if (given.AlgorithmName === undefined) return request;
  for (const member of ["MetricDefinitions", "ContainerEntrypoint", "ContainerArguments"] as const) {
    if (given[member]?.length) {
      throw validationException(`AlgorithmSpecification.${member} cannot be given with AlgorithmName.`);
    }
  }
  const algorithm = await findAlgorithm(given.AlgorithmName, context);
  if (!validates) checkUsable(algorithm);
  const { value } = algorithm;
  const training = value.spec.TrainingSpecification;
  const rules = new AlgorithmRules(value.arn, training);
  rules.checkInstances(request);
  rules.checkChannels(request);
  const hasMetricsOfItsOwn =
    context.platform.images.find(training.TrainingImage, hasOwnCode(codeSigns(request))).kind === "algorithm";
  return {
    ...request,
    HyperParameters: rules.hyperParameters(request.HyperParameters ?? {}),
    AlgorithmSpecification: {
      ...given,
      TrainingImage: training.TrainingImage,
      ...(training.MetricDefinitions && !hasMetricsOfItsOwn && { MetricDefinitions: training.MetricDefinitions }),
    },
  };
}

/** Hyperparameter that tells a trial of a tuning job which metric it is judged by. */
export const objectiveHyperParameter = "_tuning_objective_metric";

/** What one algorithm allows. */
class AlgorithmRules {
  readonly #arn: string;
  readonly #training: TrainingSpecification;

  constructor(arn: string, training: TrainingSpecification) {
    this.#arn = arn;
    this.#training = training;
  }

  checkInstances({ ResourceConfig: resources }: TrainingJobSpec): void {
    const groups = resources?.InstanceGroups ?? [];
    const types = [resources?.InstanceType, ...groups.map(({ InstanceType }) => InstanceType)];
    const supported: readonly string[] = this.#training.SupportedTrainingInstanceTypes;
    const foreign = types.find((type) => type !== undefined && !supported.includes(type));
    if (foreign !== undefined) {
      throw this.#refuse(`does not support the instance type ${foreign}. Supported are: ${supported.join(", ")}`);
    }
    const count = groups.reduce((sum, group) => sum + (group.InstanceCount ?? 0), resources?.InstanceCount ?? 0);
    if (count > 1 && this.#training.SupportsDistributedTraining === false) {
      throw this.#refuse(`does not support distributed training: InstanceCount must be 1, not ${count}`);
    }
  }

  checkChannels(request: TrainingJobSpec): void {
    const channels = request.InputDataConfig ?? [];
    const declared = new Map(this.#training.TrainingChannels.map((channel) => [channel.Name, channel]));
    for (const { Name, IsRequired } of declared.values()) {
      if (IsRequired === true && !channels.some(({ ChannelName }) => ChannelName === Name)) {
        throw this.#refuse(`requires the channel ${Name}`);
      }
    }
    for (const channel of channels) {
      const rules = declared.get(channel.ChannelName);
      if (!rules) {
        const known = [...declared.keys()].join(", ");
        throw this.#refuse(`has no channel ${channel.ChannelName}. Its channels are: ${known}`);
      }
      const mode = channel.InputMode ?? request.AlgorithmSpecification?.TrainingInputMode ?? "File";
      this.#checkOneOf(channel.ChannelName, "input mode", mode, rules.SupportedInputModes);
      this.#checkOneOf(channel.ChannelName, "content type", channel.ContentType, rules.SupportedContentTypes);
      const compression = channel.CompressionType ?? "None";
      this.#checkOneOf(channel.ChannelName, "compression type", compression, rules.SupportedCompressionTypes);
    }
  }

  /** The given ones, checked, and the defaults of the others. */
  hyperParameters(given: Readonly<Record<string, string>>): Record<string, string> {
    const declared = new Map((this.#training.SupportedHyperParameters ?? []).map((each) => [each.Name, each]));
    for (const [name, value] of Object.entries(given)) {
      // Set by tuning jobs, whatever the algorithm.
      if (name === objectiveHyperParameter) continue;
      const specification = declared.get(name);
      if (!specification) throw this.#refuse(`has no hyperparameter ${name}`);
      const wrong = wrongValue(specification, value);
      if (wrong !== undefined) throw this.#refuse(`does not allow this value of the hyperparameter ${name}: ${wrong}`);
    }
    const all: Record<string, string> = { ...given };
    for (const { Name, DefaultValue, IsRequired } of declared.values()) {
      if (Object.hasOwn(all, Name)) continue;
      if (DefaultValue !== undefined) all[Name] = DefaultValue;
      else if (IsRequired === true) throw this.#refuse(`requires the hyperparameter ${Name}`);
    }
    return all;
  }

  #checkOneOf(
    channel: string,
    what: string,
    value: string | undefined,
    supported: readonly string[] | undefined,
  ): void {
    if (value === undefined || !supported || supported.length === 0 || supported.includes(value)) return;
    throw this.#refuse(
      `does not support the ${what} ${value} in the channel ${channel}. Supported are: ${supported.join(", ")}`,
    );
  }

  #refuse(what: string): Error {
    return validationException(`Algorithm ${this.#arn} ${what}.`);
  }
}
