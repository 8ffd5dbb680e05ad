import { isWhole, type JsonPath } from "../json-path/json-path.ts";
import { type SelectOptions, select } from "../json-path/select.ts";
import { splitCsvRow } from "./csv-row.ts";
import { isObject, type JsonValue, parseJson } from "./lossless-json.ts";

/** Who made a record's prediction and when, for DataCaptureConfig.GenerateInferenceId. */
export interface InferenceStamp {
  readonly id: string;
  /** ISO 8601. */
  readonly time: string;
}

/** Filters and joins texts of one format. Every method throws an Error that says what of the text is at fault. */
export interface RecordFormat {
  /** The part of a record that a path selects, as a text of the same format. */
  filter(text: string, path: JsonPath, options: SelectOptions): string;
  /** A record with its answer, filtered. */
  join(
    input: string,
    answer: string,
    stamp: InferenceStamp | undefined,
    path: JsonPath,
    options: SelectOptions,
  ): string;
}

/** `text/csv`: a record is a row, and a path selects columns. Answers stand behind the input's columns. */
export const csvFormat: RecordFormat = {
  filter(text, path, options) {
    if (isWhole(path)) return text;
    const selected = select(path, splitCsvRow(text), options);
    return Array.isArray(selected) ? selected.join(",") : (selected as string);
  },
  join(input, answer, stamp, path, options) {
    const row = stamp ? `${input},${answer},${stamp.id},${stamp.time}` : `${input},${answer}`;
    return csvFormat.filter(row, path, options);
  },
};

/** `application/json` and `application/jsonlines`: a record is a value. The answer becomes a member of it. */
export const jsonFormat: RecordFormat = {
  filter(text, path, options) {
    return isWhole(path) ? text : JSON.stringify(select(path, parsed(text, "the record"), options));
  },
  join(input, answer, stamp, path, options) {
    const value = parsed(input, "the record");
    const joined: JsonValue = {
      ...(isObject(value) ? value : { SageMakerInput: value }),
      SageMakerOutput: parsed(answer, "the model's answer"),
      ...(stamp && { SageMakerInferenceId: stamp.id, SageMakerInferenceTime: stamp.time }),
    };
    return JSON.stringify(select(path, joined, options));
  },
};

function parsed(text: string, what: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    throw new Error(`${what} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}
