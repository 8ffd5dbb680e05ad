import type { Input } from "../operation.ts";

/** The value of an `algorithm` record: CreateAlgorithm's input as it came, tags excepted. */
export interface AlgorithmValue {
  readonly arn: string;
  readonly spec: Omit<Input<"CreateAlgorithm">, "Tags">;
}

/** What an algorithm says of its training. */
export type TrainingSpecification = AlgorithmValue["spec"]["TrainingSpecification"];

/** What it says of one hyperparameter. */
export type HyperParameterSpecification = NonNullable<TrainingSpecification["SupportedHyperParameters"]>[number];
