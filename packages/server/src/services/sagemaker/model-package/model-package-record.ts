import type { Input } from "../operation.ts";

/** Record kind of model packages. */
export const modelPackageKind = "model-package";

/** How a package's models answer requests: containers, and what they accept. */
export type InferenceSpecification = NonNullable<Input<"CreateModelPackage">["InferenceSpecification"]>;

/**
 * The value of a `model-package` record: CreateModelPackage's input as it came, tags and token excepted, and what was made
 * of it. A record's name is the package's; versions of a group will be `GROUP/VERSION`, as their ARNs end.
 */
export interface ModelPackageValue {
  readonly arn: string;
  readonly spec: Omit<Input<"CreateModelPackage">, "Tags" | "ClientToken">;
  /** The request's own, or that of the algorithm that it names, with the model that was given for it. */
  readonly inference: InferenceSpecification;
}
