import type * as sdk from "@aws-sdk/client-sns";
import type { InputOf, OperationNames, SdkOperation, SdkOperationTable } from "../sdk-operations.ts";

type Sdk = typeof sdk;

/** What one SNS operation means. */
export type SnsOperation<Name extends OperationNames<Sdk> & string> = SdkOperation<Sdk, Name>;

/** Input of an SNS operation as its handler sees it: validated. */
export type SnsInput<Name extends OperationNames<Sdk> & string> = InputOf<Sdk, Name>;

/** SNS operations by wire name. */
export type SnsOperationTable = SdkOperationTable<Sdk>;
