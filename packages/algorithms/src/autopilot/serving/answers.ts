import { RequestError } from "../../job/errors.ts";
import { quoteField } from "../data/delimited.ts";
import { decide, type Problem, widthOf } from "../problem.ts";

/** What can be asked for by SAGEMAKER_INFERENCE_OUTPUT. */
export const outputKeys = ["predicted_label", "probability", "probabilities", "labels"] as const;
export type OutputKey = (typeof outputKeys)[number];

/** A field of an answer. */
export type Field = string | number | readonly (string | number)[];

/** Reads a list of keys. @throws Error naming the key that there is not. */
export function keysOf(text: string | undefined): readonly OutputKey[] {
  const wanted = (text ?? "")
    .split(",")
    .map((key) => key.trim())
    .filter((key) => key !== "");
  if (wanted.length === 0) return ["predicted_label"];
  return wanted.map((key) => {
    const known = outputKeys.find((each) => each === key);
    if (known === undefined) throw new Error(`${key} cannot be selected; ${outputKeys.join(", ")} can`);
    return known;
  });
}

/** How classes are named and which probability is told. */
export interface AnswerStyle {
  /** Texts of classes, or their numbers for the container that comes next. */
  readonly classes: readonly Field[];
  /** Whether `probability` is that of the positive class of two, or that of the class that is answered. */
  readonly isOfPositive: boolean;
}

/** Fields of each row, in the order of the keys. @param answers - Shape (rows, width) of `widthOf`. */
export function fieldsOf(
  problem: Problem,
  answers: Float64Array,
  keys: readonly OutputKey[],
  { classes, isOfPositive }: AnswerStyle,
): Field[][] {
  const width = widthOf(problem);
  const decided = decide(problem, answers);
  return Array.from(decided, (label, row): Field[] => {
    if (problem.type === "Regression") return keys.map((key) => (key === "predicted_label" ? label : Number.NaN));
    const first = answers[row * width] as number;
    const all = width === 1 ? [1 - first, first] : [...answers.subarray(row * width, (row + 1) * width)];
    const fields: Record<OutputKey, Field> = {
      predicted_label: classes[label] as Field,
      probability: (isOfPositive && width === 1 ? first : all[label]) as number,
      probabilities: all,
      labels: classes as readonly (string | number)[],
    };
    return keys.map((key) => fields[key]);
  });
}

/** Writes answers as CSV, or as JSON with the names of their keys. @throws RequestError for another type. */
export function writeFields(rows: readonly (readonly Field[])[], keys: readonly string[], type: string): string {
  const objects = () => rows.map((row) => Object.fromEntries(keys.map((key, i) => [key, row[i]])));
  switch (type) {
    case "text/csv":
      return rows.map((row) => `${row.map(csvField).join(",")}\n`).join("");
    case "application/json":
      return JSON.stringify({ predictions: objects() });
    case "application/jsonlines":
      return objects()
        .map((each) => `${JSON.stringify(each)}\n`)
        .join("");
    default:
      throw new RequestError(406, `Answers are text/csv, application/json or application/jsonlines, not ${type}.`);
  }
}

/** A list is written as Python writes it, in quotes. */
function csvField(field: Field): string {
  if (typeof field === "number") return String(field);
  if (typeof field === "string") return quoteField(field);
  const parts = field.map((each) => (typeof each === "number" ? String(each) : `'${each.replaceAll("'", "\\'")}'`));
  return quoteField(`[${parts.join(", ")}]`);
}
