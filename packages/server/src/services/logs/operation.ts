import type * as sdk from "@aws-sdk/client-cloudwatch-logs";
import type { Validated } from "../sagemaker/operation.ts";
import type { OperationContext } from "../service.ts";

type Sdk = typeof sdk;
type OperationName = { [Key in keyof Sdk]: Key extends `${infer Name}Command` ? Name : never }[keyof Sdk];

type CommandOf<Name extends OperationName> = `${Name}Command` extends keyof Sdk
  ? // biome-ignore lint/suspicious/noExplicitAny: `any` is the only type that every constructor's parameters match.
    Sdk[`${Name}Command`] extends new (
      ...input: any[]
    ) => infer Command
    ? Command
    : never
  : never;

/** What one CloudWatch Logs operation means. */
export type LogsOperation<Name extends OperationName> = (
  input: CommandOf<Name> extends { readonly input: infer Shape } ? Validated<Shape> : never,
  context: OperationContext,
) => Promise<
  CommandOf<Name> extends {
    // biome-ignore lint/suspicious/noExplicitAny: only the promised output matters.
    resolveMiddleware(...parts: any[]): (...call: any[]) => Promise<{ output: infer Shape }>;
  }
    ? Omit<Shape, "$metadata">
    : never
>;

/** CloudWatch Logs operations by wire name. */
export type LogsOperationTable = { readonly [Name in OperationName]?: LogsOperation<Name> };
