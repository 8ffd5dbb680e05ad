import { validationException } from "../../../errors.ts";
import type { OperationContext } from "../../service.ts";
import { checkUsable, findAlgorithm } from "../algorithm/find-algorithm.ts";
import { checkArtifact, checkContainer, unsupported } from "../model/check-container.ts";
import { checkSeveralContainers } from "../model/check-several-containers.ts";
import type { InferenceSpecification, ModelPackageValue } from "./model-package-record.ts";

type Request = ModelPackageValue["spec"];

/** Members that are kept and described. All others change what a package is, and are not built yet. */
const kept: readonly (keyof Request)[] = [
  ...([
    "ModelPackageName",
    "ModelPackageDescription",
    "InferenceSpecification",
    "SourceAlgorithmSpecification",
  ] as const),
  ...(["CertifyForMarketplace", "SkipModelValidation", "MetadataProperties", "CustomerMetadataProperties"] as const),
  ...(["Domain", "Task", "SamplePayloadUrl", "ModelMetrics", "DriftCheckBaselines"] as const),
];

/**
 * Applies the rules of CreateModelPackage that the model of the API cannot state.
 * @returns How the package's models answer requests.
 * @throws ValidationException with the first rule that is broken.
 */
export async function checkModelPackage(request: Request, context: OperationContext): Promise<InferenceSpecification> {
  if (request.ModelPackageGroupName !== undefined) throw unsupported("ModelPackageGroupName (versions of a group)");
  if (request.ModelPackageName === undefined) {
    throw validationException("You must specify either ModelPackageName or ModelPackageGroupName.");
  }
  const known: readonly string[] = kept;
  const [foreign] = Object.entries(request).find(([name, value]) => value !== undefined && !known.includes(name)) ?? [];
  if (foreign !== undefined) throw unsupported(foreign);
  if ((request.InferenceSpecification === undefined) === (request.SourceAlgorithmSpecification === undefined)) {
    throw validationException("You must specify either InferenceSpecification or SourceAlgorithmSpecification.");
  }
  const inference = request.InferenceSpecification ?? (await ofAlgorithm(request, context));
  checkInstanceTypes(inference);
  for (const container of inference.Containers) checkContainer(container, context);
  checkSeveralContainers(inference.Containers, "Serial");
  for (const container of inference.Containers) await checkArtifact(container, context);
  return inference;
}

/** The algorithm's own specification, whose first container serves the model that was trained. */
async function ofAlgorithm(request: Request, context: OperationContext): Promise<InferenceSpecification> {
  const [source] = request.SourceAlgorithmSpecification?.SourceAlgorithms ?? [];
  if (source === undefined) throw validationException("SourceAlgorithmSpecification names no algorithm.");
  if (source.ModelDataSource !== undefined) throw unsupported("ModelDataSource; use ModelDataUrl");
  const algorithm = await findAlgorithm(source.AlgorithmName as string, context);
  checkUsable(algorithm);
  const { value } = algorithm;
  const { InferenceSpecification: inference } = value.spec;
  const [first, ...others] = inference?.Containers ?? [];
  if (first === undefined) {
    throw validationException(
      `Algorithm ${value.arn} has no InferenceSpecification: it trains models and does not say how they answer.`,
    );
  }
  const { ModelDataUrl: _ofAnother, ...container } = first;
  const served = source.ModelDataUrl === undefined ? first : { ...container, ModelDataUrl: source.ModelDataUrl };
  return { ...inference, Containers: [served, ...others] };
}

/** They may be left out of versions of a group alone. */
function checkInstanceTypes(inference: InferenceSpecification): void {
  const required = ["SupportedRealtimeInferenceInstanceTypes", "SupportedTransformInstanceTypes"] as const;
  for (const member of required) {
    if (inference[member]?.length) continue;
    throw validationException(`InferenceSpecification.${member} is required for a model package without a group.`);
  }
}
