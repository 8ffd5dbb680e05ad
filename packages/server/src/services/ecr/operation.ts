import type * as sdk from "@aws-sdk/client-ecr";
import type { ImageRegistry } from "../../registry/image-registry.ts";
import type { InputOf, OperationNames, OutputOf, SdkOperationTable } from "../sdk-operations.ts";
import type { OperationContext } from "../service.ts";
import type { RegistryTokens } from "./registry-tokens.ts";

type Sdk = typeof sdk;
type OperationName = OperationNames<Sdk> & string;

/** What ECR's operations stand on, besides the platform. */
export interface EcrParts {
  readonly registry: ImageRegistry;
  readonly tokens: RegistryTokens;
}

/** Input of an operation as its handler sees it: validated. */
export type EcrInput<Name extends OperationName> = InputOf<Sdk, Name>;

/** What one ECR operation means. */
export type EcrOperation<Name extends OperationName> = (
  input: EcrInput<Name>,
  context: OperationContext,
  parts: EcrParts,
) => Promise<OutputOf<Sdk, Name>>;

/** ECR operations by wire name, before they know what they stand on. */
export type EcrOperations = { readonly [Name in OperationName]?: EcrOperation<Name> };

/** Ties operations to what they stand on. */
export function tieOperations(operations: EcrOperations, parts: EcrParts): SdkOperationTable<Sdk> {
  return Object.fromEntries(
    Object.entries(operations).map(([name, operation]) => [
      name,
      (input: never, context: OperationContext) => (operation as EcrOperation<OperationName>)(input, context, parts),
    ]),
  ) as SdkOperationTable<Sdk>;
}
