import type * as sdk from "@aws-sdk/client-cloudwatch-logs";
import type { OperationNames, SdkOperation, SdkOperationTable } from "../sdk-operations.ts";

type Sdk = typeof sdk;

/** What one CloudWatch Logs operation means. */
export type LogsOperation<Name extends OperationNames<Sdk> & string> = SdkOperation<Sdk, Name>;

/** CloudWatch Logs operations by wire name. */
export type LogsOperationTable = SdkOperationTable<Sdk>;
