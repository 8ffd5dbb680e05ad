import type { Input } from "../operation.ts";

/** The value of a `model` record: CreateModel's input as it came, tags excepted. */
export interface ModelValue {
  readonly arn: string;
  readonly spec: Omit<Input<"CreateModel">, "Tags">;
  /**
   * What runs, in its order, where that is not what the request says: model packages stood for it when the model was
   * created, so that they may go.
   */
  readonly containers?: readonly ContainerDefinition[];
  /** The same of one container, in models that an older version made. */
  readonly packaged?: ContainerDefinition;
}

/** One container as CreateModel describes it. */
export type ContainerDefinition = NonNullable<Input<"CreateModel">["PrimaryContainer"]>;

/** The containers that a model's instances consist of, in their order. */
export function containersOfModel({ spec, containers, packaged }: ModelValue): readonly ContainerDefinition[] {
  if (containers !== undefined) return containers;
  if (packaged !== undefined) return [packaged];
  return spec.PrimaryContainer === undefined ? (spec.Containers ?? []) : [spec.PrimaryContainer];
}
