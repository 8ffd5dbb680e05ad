import type { AlgorithmDefinition } from "@sagebrush/algorithms/definitions";
import { hasOwnCode } from "../../../images/own-code.ts";
import { UnknownImage } from "../../../images/resolve-image.ts";
import type { OperationPlace } from "../../service.ts";
import { metricLimit } from "../training-job/check-metric-definitions.ts";
import { codeSigns } from "../training-job/code-signs.ts";
import type { TrainingJobSpec } from "../training-job/training-job.ts";
import type { TrialDefinition, TuningJobSpec } from "./tuning-job.ts";

/** The built-in algorithm that a definition's image stands for; `undefined` for any other image. */
export function builtIn(
  definition: TrialDefinition,
  { platform }: Pick<OperationPlace, "platform">,
): AlgorithmDefinition | undefined {
  const uri = definition.AlgorithmSpecification?.TrainingImage;
  if (uri === undefined) return undefined;
  const signs = codeSigns({ ...definition, HyperParameters: definition.StaticHyperParameters } as TrainingJobSpec);
  try {
    const image = platform.images.find(uri, hasOwnCode(signs));
    return image.kind === "algorithm" ? image.definition : undefined;
  } catch (error) {
    // Whoever needs an image says that there is none.
    if (error instanceof UnknownImage) return undefined;
    throw error;
  }
}

/** The metrics of a built-in algorithm as requests and descriptions have them; none for any other image. */
export function ownMetrics(definition: TrialDefinition, place: Pick<OperationPlace, "platform">): OwnMetric[] {
  const metrics = builtIn(definition, place)?.metrics ?? [];
  return metrics.slice(0, metricLimit).map(({ name, regex }) => ({ Name: name, Regex: regex }));
}

interface OwnMetric {
  readonly Name: string;
  readonly Regex: string;
}

/**
 * The request without the metrics of built-in algorithms: the SDK sends them back as it was told them. Others stay, and are
 * refused as CreateTrainingJob refuses them.
 */
export function withoutOwnMetrics(spec: TuningJobSpec, place: OperationPlace): TuningJobSpec {
  const stripped = (definition: TrialDefinition): TrialDefinition => {
    const own = ownMetrics(definition, place);
    const { MetricDefinitions: given = [], ...rest } = definition.AlgorithmSpecification ?? {};
    const isOwn = given.every((each) => own.some(({ Name, Regex }) => Name === each.Name && Regex === each.Regex));
    return isOwn && given.length > 0
      ? { ...definition, AlgorithmSpecification: rest as TrialDefinition["AlgorithmSpecification"] }
      : definition;
  };
  return {
    ...spec,
    ...(spec.TrainingJobDefinition && { TrainingJobDefinition: stripped(spec.TrainingJobDefinition) }),
    ...(spec.TrainingJobDefinitions && { TrainingJobDefinitions: spec.TrainingJobDefinitions.map(stripped) }),
  };
}
