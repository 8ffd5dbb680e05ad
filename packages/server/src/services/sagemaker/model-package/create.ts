import { validationException } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { Operation } from "../operation.ts";
import { initialTags } from "../tags/tags-record.ts";
import { checkModelPackage } from "./check-model-package.ts";
import type { ModelPackageValue } from "./model-package-record.ts";
import { modelPackages } from "./resource.ts";

/**
 * Records a model package: containers that serve a model, or the algorithm that trained it.
 * @throws ValidationException when the name is taken, or a container could not be run.
 */
export const createModelPackage: Operation<"CreateModelPackage"> = async (input, context) => {
  const { Tags, ClientToken: _once, ...spec } = input;
  const inference = await checkModelPackage(spec, context);
  const { scope, platform } = context;
  const name = spec.ModelPackageName as string;
  const arn = modelPackages.arn(scope, name);
  const value: ModelPackageValue = { arn, spec, inference };
  try {
    await platform.store.write([
      { op: "create", key: modelPackages.key(scope, name), value, status: "Completed" },
      initialTags(scope, arn, Tags),
    ]);
  } catch (error) {
    // The SageMaker Python SDK looks for these words and goes on with the package that is there.
    if (error instanceof WriteConflict) throw validationException(`ModelPackage already exists: ${arn}`);
    throw error;
  }
  return { ModelPackageArn: arn };
};
