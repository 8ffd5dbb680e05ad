import type { OperationContext } from "./service.ts";

/** Names of the operations of an SDK package (`typeof import("@aws-sdk/client-x")`), as they are on the wire. */
export type OperationNames<Sdk> = {
  [Key in keyof Sdk]: Key extends `${infer Name}Command` ? Name : never;
}[keyof Sdk];

/** What the command class of an operation makes: it carries the types of input and output. */
type CommandOf<Sdk, Name extends string> = `${Name}Command` extends keyof Sdk
  ? Sdk[`${Name}Command`] extends new (
      ...input: never[]
    ) => infer Command
    ? Command
    : never
  : never;

/**
 * An input after validation. The SDK types a required member as `X | undefined`; the gateway refused requests that
 * lack one, so that here it is `X`, at every depth.
 */
type Validated<Shape> = Shape extends string | number | boolean | bigint | Date | Uint8Array | undefined | null
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

/** Input of an operation as its handler sees it. */
export type InputOf<Sdk, Name extends string> =
  CommandOf<Sdk, Name> extends { readonly input: infer Shape } ? Validated<Shape> : never;

/** Output of an operation as its handler returns it: the SDK's type without the client's own `$metadata`. */
export type OutputOf<Sdk, Name extends string> =
  CommandOf<Sdk, Name> extends {
    resolveMiddleware(...parts: never[]): (...call: never[]) => Promise<{ output: infer Shape }>;
  }
    ? Omit<Shape, "$metadata">
    : never;

/** What one operation means, typed by the SDK. */
export type SdkOperation<Sdk, Name extends string> = (
  input: InputOf<Sdk, Name>,
  context: OperationContext,
) => Promise<OutputOf<Sdk, Name>>;

/** Operations by wire name. A name that the SDK does not know, a wrong input or a wrong output does not compile. */
export type SdkOperationTable<Sdk> = {
  readonly [Name in OperationNames<Sdk> & string]?: SdkOperation<Sdk, Name>;
};
