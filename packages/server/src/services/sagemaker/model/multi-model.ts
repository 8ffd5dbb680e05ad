import { validationException } from "../../../errors.ts";
import { parseS3Uri } from "../../../objects/object-catalogue.ts";
import type { MultiModel } from "../../../serving/fleet.ts";
import type { OperationContext } from "../../service.ts";
import type { ContainerDefinition } from "./model-record.ts";

/** Variable of a container that says how many megabytes of unpacked models may be loaded at a time. */
const budgetVariable = "SAGEBRUSH_MODEL_CACHE_MB";

type Container = Pick<ContainerDefinition, "ModelDataUrl" | "MultiModelConfig" | "Environment">;

/**
 * What a container of Mode MultiModel loads its models from.
 * @throws ValidationException when its ModelDataUrl is no prefix.
 */
export function multiModelOf({ ModelDataUrl: url, MultiModelConfig: config, Environment = {} }: Container): MultiModel {
  const location = parseS3Uri(url ?? "");
  if (url === undefined || location === undefined) {
    throw validationException(
      `A container of Mode MultiModel needs a ModelDataUrl that is the prefix of its models, as s3://BUCKET/PREFIX/ is; got ${url ?? "none"}.`,
    );
  }
  const budget = Environment[budgetVariable];
  if (budget !== undefined && !(Number(budget) > 0)) {
    throw validationException(`Environment.${budgetVariable} must be a number of megabytes above 0; got "${budget}".`);
  }
  return {
    ...{ bucket: location.bucket, prefix: location.key, keepsModels: config?.ModelCacheSetting !== "Disabled" },
    ...(budget !== undefined && { budgetBytes: Number(budget) * 1024 ** 2 }),
  };
}

/** @throws ValidationException when the bucket is not there: models may come later. */
export async function checkMultiModel(container: Container, { scope, platform }: OperationContext): Promise<void> {
  const { bucket } = multiModelOf(container);
  if (await platform.objects.hasBucket(bucket, scope.account)) return;
  throw validationException(`Could not find model data at ${container.ModelDataUrl}.`);
}
