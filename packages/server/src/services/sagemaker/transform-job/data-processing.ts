import { isWhole, type JsonPath, parseJsonPath, wholeValue } from "../../../batch/json-path/json-path.ts";
import { JsonPathError } from "../../../batch/json-path/step.ts";
import { DataProcessing, noProcessing, type ProcessedFormat } from "../../../batch/records/data-processing.ts";
import { validationException } from "../../../errors.ts";
import type { TransformJobSpec } from "./transform-job.ts";

/** Media types whose records can be filtered and joined. */
const formats: Readonly<Record<string, ProcessedFormat>> = {
  "text/csv": "csv",
  "application/json": "json",
  "application/jsonlines": "json",
};
const formatList = Object.keys(formats).join(", ");

/**
 * Reads DataProcessing, with what it needs of the input and the output.
 * @param stampTime - When the job began, in ISO 8601: for DataCaptureConfig.GenerateInferenceId.
 * @throws ValidationException for a path that is none, and for types and splits with which records cannot be told apart.
 */
export function dataProcessing(spec: TransformJobSpec, stampTime?: string): DataProcessing {
  const { InputFilter, OutputFilter, JoinSource } = spec.DataProcessing ?? {};
  const inputFilter = pathOf("InputFilter", InputFilter);
  const outputFilter = pathOf("OutputFilter", OutputFilter);
  const joins = JoinSource === "Input";
  const stamps = spec.DataCaptureConfig?.GenerateInferenceId === true;
  if (isWhole(inputFilter) && isWhole(outputFilter) && !joins) return noProcessing;
  const { ContentType: contentType, SplitType: split = "None" } = spec.TransformInput ?? {};
  const accept = spec.TransformOutput?.Accept ?? contentType;
  const inputFormat = formatOf("TransformInput.ContentType", contentType);
  const outputFormat = formatOf("TransformOutput.Accept", accept);
  if (joins && mediaType(contentType) !== mediaType(accept)) {
    throw refused(`JoinSource Input needs one format: ContentType is ${contentType}, and Accept is ${accept}.`);
  }
  checkSplit(spec, { joinsOrFilters: joins || !isWhole(outputFilter), format: inputFormat, split });
  for (const [member, path, format] of [
    ["InputFilter", inputFilter, inputFormat],
    ["OutputFilter", outputFilter, outputFormat],
  ] as const) {
    if (format === "csv") checkColumns(member, path);
  }
  return new DataProcessing({
    ...{ inputFilter, outputFilter, joins, inputFormat, outputFormat },
    ...(stamps && stampTime !== undefined && { stampTime }),
  });
}

function checkSplit(
  { TransformInput: input, TransformOutput: output }: TransformJobSpec,
  { joinsOrFilters, format, split }: { joinsOrFilters: boolean; format: ProcessedFormat; split: string },
): void {
  const assemble = output?.AssembleWith ?? "None";
  const isOneDocument = mediaType(input?.ContentType) === "application/json" && split === "None";
  if (split !== "Line" && !isOneDocument) {
    throw refused(
      `${input?.ContentType} needs SplitType Line${format === "json" ? " (or None for application/json)" : ""}, got ${split}.`,
    );
  }
  if (joinsOrFilters && assemble !== split) {
    throw refused(`SplitType and AssembleWith must be the same, got ${split} and ${assemble}.`);
  }
}

/** Rows of CSV are lists, and their columns have nothing below them. */
function checkColumns(member: string, { text, steps }: JsonPath): void {
  const [first, ...more] = steps;
  if (first === undefined || (more.length === 0 && first.kind !== "key" && first.kind !== "keys")) return;
  throw refused(`${member} ${text} does not select columns of CSV; expected a path such as $[0], $[0,-1] or $[1:].`);
}

function pathOf(member: string, text: string | undefined): JsonPath {
  if (text === undefined || text === "") return wholeValue;
  try {
    return parseJsonPath(text);
  } catch (error) {
    if (error instanceof JsonPathError) throw refused(`${member}: ${error.message}`);
    throw error;
  }
}

function formatOf(member: string, type: string | undefined): ProcessedFormat {
  const format = formats[mediaType(type)];
  if (format !== undefined) return format;
  throw refused(`${member} must be one of ${formatList}, got ${type ?? "none"}.`);
}

/** Without parameters: `text/csv; charset=utf-8` is CSV. */
function mediaType(type = ""): string {
  return (type.split(";")[0] as string).trim().toLowerCase();
}

function refused(what: string): Error {
  return validationException(`DataProcessing: ${what}`);
}
