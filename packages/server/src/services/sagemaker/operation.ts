import type * as sdk from "@aws-sdk/client-sagemaker";
import type { OperationContext } from "../service.ts";

type Sdk = typeof sdk;

/** Every operation of the SDK, by its wire name. */
export type OperationName = {
  [Key in keyof Sdk]: Key extends `${infer Name}Command` ? Name : never;
}[keyof Sdk];

/** The command class of one operation carries its input and output types. */
type CommandOf<Name extends OperationName> = `${Name}Command` extends keyof Sdk
  ? // The constructor's own parameters do not matter here, only what it makes.
    // biome-ignore lint/suspicious/noExplicitAny: `any` is the only type that every constructor's parameters match.
    Sdk[`${Name}Command`] extends new (
      ...input: any[]
    ) => infer Command
    ? Command
    : never
  : never;

/**
 * An input after validation. The SDK types a required member as `X | undefined`; the gateway refused requests that
 * lack one, so that here it is `X`, at every depth.
 */
export type Validated<Shape> = Shape extends string | number | boolean | bigint | Date | Uint8Array | undefined | null
  ? Shape
  : Shape extends readonly (infer Item)[]
    ? Validated<Item>[]
    : Shape extends object
      ? {
          [Key in keyof Shape]: object extends Pick<Shape, Key>
            ? Validated<Shape[Key]>
            : Validated<Exclude<Shape[Key], undefined>>;
        }
      : Shape;

/** Input of an operation as its handler sees it: validated. */
export type Input<Name extends OperationName> =
  CommandOf<Name> extends { readonly input: infer Shape } ? Validated<Shape> : never;

/** Output of an operation as its handler returns it: the SDK's type without the client's own `$metadata`. */
export type Output<Name extends OperationName> =
  CommandOf<Name> extends {
    // biome-ignore lint/suspicious/noExplicitAny: only the promised output matters.
    resolveMiddleware(...parts: any[]): (...call: any[]) => Promise<{ output: infer Shape }>;
  }
    ? Omit<Shape, "$metadata">
    : never;

/** What one SageMaker operation means. */
export type Operation<Name extends OperationName> = (
  input: Input<Name>,
  context: OperationContext,
) => Promise<Output<Name>>;

/**
 * Operations of one resource noun by wire name: `{…} satisfies OperationTable`. A name the SDK does not know, a wrong
 * input or a wrong output does not compile.
 */
export type OperationTable = { readonly [Name in OperationName]?: Operation<Name> };
