import { validationException } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { Operation } from "../operation.ts";
import { initialTags } from "../tags/tags-record.ts";
import type { AlgorithmValue } from "./algorithm-record.ts";
import { checkAlgorithm } from "./check-algorithm.ts";
import { algorithms } from "./resource.ts";

/**
 * Records an algorithm: an image and what may be asked of it, for training jobs that name it.
 * @throws ValidationException when the name is taken or the specification contradicts itself.
 */
export const createAlgorithm: Operation<"CreateAlgorithm"> = async (input, context) => {
  const { Tags, ...spec } = input;
  checkAlgorithm(spec, context);
  const { scope, platform } = context;
  const arn = algorithms.arn(scope, spec.AlgorithmName);
  const value: AlgorithmValue = { arn, spec };
  try {
    await platform.store.write([
      { op: "create", key: algorithms.key(scope, spec.AlgorithmName), value },
      initialTags(scope, arn, Tags),
    ]);
  } catch (error) {
    if (error instanceof WriteConflict) throw validationException(`Algorithm already exists: ${arn}`);
    throw error;
  }
  return { AlgorithmArn: arn };
};
