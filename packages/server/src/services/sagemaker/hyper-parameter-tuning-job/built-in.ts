import type { AlgorithmDefinition } from "@sagebrush/algorithms/definitions";
import { hasOwnCode } from "../../../images/own-code.ts";
import { UnknownImage } from "../../../images/resolve-image.ts";
import type { OperationPlace } from "../../service.ts";
import { codeSigns } from "../training-job/code-signs.ts";
import type { TrainingJobSpec } from "../training-job/training-job.ts";
import type { TrialDefinition } from "./tuning-job.ts";

/** The built-in algorithm that a definition's image stands for; `undefined` for any other image. */
export function builtIn(definition: TrialDefinition, { platform }: OperationPlace): AlgorithmDefinition | undefined {
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
