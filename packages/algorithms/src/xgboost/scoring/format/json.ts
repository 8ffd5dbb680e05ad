import { ModelFileError } from "../errors.ts";
import type { Value } from "./document.ts";

/** Strings, which are left alone, and the numbers that XGBoost writes and JSON does not have. */
const oddNumbers = /"(?:[^"\\]|\\.)*"|-?Infinity|-?NaN/g;

/**
 * Reads a model in XGBoost's JSON. Infinity is read as such, NaN as null.
 * @throws ModelFileError for text that is no JSON.
 */
export function readJson(bytes: Buffer): Value {
  const text = textOf(bytes);
  try {
    return JSON.parse(text) as Value;
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw notJson(error);
  }
  try {
    return JSON.parse(text.replace(oddNumbers, plainNumber)) as Value;
  } catch (error) {
    throw notJson(error);
  }
}

function textOf(bytes: Buffer): string {
  try {
    return bytes.toString("utf8");
  } catch (error) {
    // Node's strings end at half a gigabyte.
    throw new ModelFileError(
      `its JSON of ${bytes.length} bytes is longer than a text can be; save the model as UBJSON (booster.save_model("model.ubj"))`,
      { cause: error },
    );
  }
}

function plainNumber(token: string): string {
  if (token.startsWith('"')) return token;
  if (token.endsWith("NaN")) return "null";
  return token.startsWith("-") ? "-1e999" : "1e999";
}

function notJson(error: unknown): ModelFileError {
  return new ModelFileError(`it begins as JSON and is none: ${(error as Error).message}`, { cause: error });
}
