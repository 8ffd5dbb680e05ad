import type * as sdk from "@aws-sdk/client-application-auto-scaling";
import type { InputOf, OperationNames, OutputOf, SdkOperation, SdkOperationTable } from "../sdk-operations.ts";

type Sdk = typeof sdk;

/** What one Application Auto Scaling operation means. */
export type ScalingOperation<Name extends OperationNames<Sdk> & string> = SdkOperation<Sdk, Name>;

/** Input of an operation as its handler sees it: validated. */
export type ScalingInput<Name extends OperationNames<Sdk> & string> = InputOf<Sdk, Name>;

/** Output of an operation as its handler returns it. */
export type ScalingOutput<Name extends OperationNames<Sdk> & string> = OutputOf<Sdk, Name>;

/** Application Auto Scaling operations by wire name. */
export type ScalingOperationTable = SdkOperationTable<Sdk>;
