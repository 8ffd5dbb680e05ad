import { validationException } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { Operation } from "../operation.ts";
import { initialTags } from "../tags/tags-record.ts";
import type { AlgorithmValue, ProfileValidation } from "./algorithm-record.ts";
import { checkAlgorithm } from "./check-algorithm.ts";
import { algorithms } from "./resource.ts";

/**
 * Records an algorithm: an image and what may be asked of it, for training jobs that name it. One with validation
 * profiles is Pending until the reconciler has run their jobs.
 * @throws ValidationException when the name is taken or the specification contradicts itself.
 */
export const createAlgorithm: Operation<"CreateAlgorithm"> = async (input, context) => {
  const { Tags, ...spec } = input;
  checkAlgorithm(spec, context);
  const { scope, platform } = context;
  const arn = algorithms.arn(scope, spec.AlgorithmName);
  const validations = (spec.ValidationSpecification?.ValidationProfiles ?? []).map(
    ({ ProfileName }): ProfileValidation => ({ profile: ProfileName as string, status: "NotStarted" }),
  );
  const value: AlgorithmValue = { arn, spec, ...(validations.length > 0 && { validations }) };
  const status = validations.length > 0 ? "Pending" : "Completed";
  try {
    await platform.store.write([
      { op: "create", key: algorithms.key(scope, spec.AlgorithmName), value, status },
      initialTags(scope, arn, Tags),
    ]);
  } catch (error) {
    if (error instanceof WriteConflict) throw validationException(`Algorithm already exists: ${arn}`);
    throw error;
  }
  return { AlgorithmArn: arn };
};
