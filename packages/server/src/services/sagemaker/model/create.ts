import { validationException } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { Operation } from "../operation.ts";
import { initialTags } from "../tags/tags-record.ts";
import { checkModel } from "./check-model.ts";
import type { ModelValue } from "./model-record.ts";
import { models } from "./resource.ts";

/**
 * Records a model: an image, its artifact and its environment. Nothing is fetched before an endpoint wants it.
 * @throws ValidationException when the name is taken, the image cannot be run or the artifact is not there.
 */
export const createModel: Operation<"CreateModel"> = async (input, context) => {
  const { Tags, ...spec } = input;
  const containers = await checkModel(spec, context);
  const { scope, platform } = context;
  const arn = models.arn(scope, spec.ModelName);
  const given = [...(spec.PrimaryContainer ? [spec.PrimaryContainer] : []), ...(spec.Containers ?? [])];
  const isPackaged = given.some(({ ModelPackageName }) => ModelPackageName !== undefined);
  const value: ModelValue = { arn, spec, ...(isPackaged && { containers }) };
  try {
    await platform.store.write([
      { op: "create", key: models.key(scope, spec.ModelName), value },
      initialTags(scope, arn, Tags),
    ]);
  } catch (error) {
    // The SageMaker Python SDK looks for these words and goes on with the model that is there.
    if (error instanceof WriteConflict) throw validationException(`Cannot create already existing model "${arn}".`);
    throw error;
  }
  return { ModelArn: arn };
};
