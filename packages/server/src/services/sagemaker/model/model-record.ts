import type { Input } from "../operation.ts";

/** The value of a `model` record: CreateModel's input as it came, tags excepted. */
export interface ModelValue {
  readonly arn: string;
  readonly spec: Omit<Input<"CreateModel">, "Tags">;
  /** What a model package stood for when the model was created, so that the package may go; absent for other models. */
  readonly packaged?: ContainerDefinition;
}

/** One container as CreateModel describes it. */
export type ContainerDefinition = NonNullable<Input<"CreateModel">["PrimaryContainer"]>;

/** The container that requests go to. One of several is never the only one: create refuses such models for now. */
export function onlyContainer({ spec, packaged }: ModelValue): ContainerDefinition | undefined {
  return packaged ?? spec.PrimaryContainer ?? spec.Containers?.[0];
}
