import type * as sdk from "@aws-sdk/client-sagemaker";
import type { InputOf, OperationNames, OutputOf, SdkOperation, SdkOperationTable } from "../sdk-operations.ts";

type Sdk = typeof sdk;

/** Every SageMaker operation, by its wire name. */
type OperationName = OperationNames<Sdk> & string;

/** Input of an operation as its handler sees it: validated. */
export type Input<Name extends OperationName> = InputOf<Sdk, Name>;

/** Output of an operation as its handler returns it. */
export type Output<Name extends OperationName> = OutputOf<Sdk, Name>;

/** What one SageMaker operation means. */
export type Operation<Name extends OperationName> = SdkOperation<Sdk, Name>;

/** Operations of one resource noun by wire name: `{…} satisfies OperationTable`. */
export type OperationTable = SdkOperationTable<Sdk>;
