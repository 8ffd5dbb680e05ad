import type { Input } from "../operation.ts";

/** The value of an `endpoint-config` record: CreateEndpointConfig's input as it came, tags excepted. */
export interface EndpointConfigValue {
  readonly arn: string;
  readonly spec: Omit<Input<"CreateEndpointConfig">, "Tags">;
}

/** One variant as a configuration describes it. */
export type ProductionVariant = Input<"CreateEndpointConfig">["ProductionVariants"][number];
