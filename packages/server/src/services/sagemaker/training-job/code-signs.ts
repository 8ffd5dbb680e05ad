import type { hasOwnCode } from "../../../images/own-code.ts";
import type { TrainingJobSpec } from "./training-job.ts";

/** What a job says of code that its user brings. */
export function codeSigns({ AlgorithmSpecification: given, HyperParameters, Environment }: TrainingJobSpec) {
  return {
    hyperparameters: HyperParameters,
    environment: Environment,
    entrypoint: given?.ContainerEntrypoint,
    arguments: given?.ContainerArguments,
  } satisfies Parameters<typeof hasOwnCode>[0];
}
