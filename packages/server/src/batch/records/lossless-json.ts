/** A JSON value. Numbers that a double would change keep their text. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | RawNumber
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** A number as its text had it; `JSON.stringify` writes that text. */
export interface RawNumber {
  readonly rawJSON: string;
}

/** The part of the language that TypeScript's library does not know yet (ECMAScript: JSON.parse source text access). */
interface SourceTextAccess {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
  parse(text: string, reviver: (name: string, value: JsonValue, context: { source?: string }) => JsonValue): JsonValue;
}
const json = JSON as unknown as SourceTextAccess;

/** Texts that may hold a number which is written otherwise than it was read: long, with an exponent, or ending in zeros. */
const changeable = /\d{16}|\d[eE]|\.\d*0(?!\d)|-0(?![.\d])/;

/**
 * Parses JSON so that writing it again gives the same numbers: an id of 20 digits stays what it is, and 1.0 stays 1.0.
 * @throws SyntaxError
 */
export function parseJson(text: string): JsonValue {
  // The reviver costs several times what parsing does.
  if (!changeable.test(text)) return JSON.parse(text) as JsonValue;
  return json.parse(text, (_, value, { source }) =>
    typeof value === "number" && source !== undefined && source !== String(value) ? json.rawJSON(source) : value,
  );
}

/** Whether a value is an object with members. */
export function isObject(value: JsonValue): value is { readonly [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

/** Whether a value is a number that kept its text. */
export function isRawNumber(value: JsonValue): value is RawNumber {
  return json.isRawJSON(value);
}
