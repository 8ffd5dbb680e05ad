import type * as sdk from "@aws-sdk/client-cloudwatch";
import type { InputOf, OperationNames, SdkOperation, SdkOperationTable } from "../sdk-operations.ts";

type Sdk = typeof sdk;

/** What one CloudWatch operation means. */
export type CloudWatchOperation<Name extends OperationNames<Sdk> & string> = SdkOperation<Sdk, Name>;

/** Input of a CloudWatch operation as its handler sees it: validated. */
export type CloudWatchInput<Name extends OperationNames<Sdk> & string> = InputOf<Sdk, Name>;

/** CloudWatch operations by wire name. */
export type CloudWatchOperationTable = SdkOperationTable<Sdk>;
