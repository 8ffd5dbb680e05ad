/** One step of a path, from a value to what is below it. */
export type JsonPathStep =
  /** `.name` and `['name']`. */
  | { readonly kind: "key"; readonly name: string }
  /** `['a','b']`. */
  | { readonly kind: "keys"; readonly names: readonly string[] }
  /** `[n]`; negative numbers count from the end. */
  | { readonly kind: "index"; readonly index: number }
  /** `[n,m]`. */
  | { readonly kind: "indices"; readonly indices: readonly number[] }
  /** `[from:to]`: up to, but not including, `to`. Either may be left out. */
  | { readonly kind: "slice"; readonly from?: number; readonly to?: number }
  /** `*`. */
  | { readonly kind: "all" };

/** A text that is no path of the subset, or a path that leads nowhere in a value. */
export class JsonPathError extends Error {
  override readonly name = "JsonPathError";
}

/** The refusal of a text that is no path. */
export function invalidPath(text: string, why: string): JsonPathError {
  return new JsonPathError(`Invalid JsonPath: ${text}: ${why}`);
}
