import { parseCsvRequest } from "../../formats/csv/parse-request.ts";
import { parseInstance, toRows } from "../../formats/json/instances.ts";
import { decodeRows } from "../../formats/recordio-protobuf/decode-rows.ts";
import type { Rows } from "../../formats/rows.ts";
import { parseContentType } from "../content-type.ts";
import { CustomerError, RequestError } from "../errors.ts";
import { instancesOf, parseJson, parseLines } from "./json-instances.ts";
import { type MediaType, mediaType, mediaTypes } from "./media-types.ts";

/** The rows of a request, and what it says of each. */
export interface RequestRows {
  readonly rows: Rows;
  readonly configurations?: readonly (Readonly<Record<string, unknown>> | undefined)[];
}

/**
 * Reads a request's body.
 * @param featureDim - Width that every row must have.
 * @param types - Those that the algorithm takes.
 * @throws RequestError 415 for a type that is not spoken here, 400 for a body that is not what its type says.
 */
export function readRequest(
  contentType: string | undefined,
  body: Buffer,
  featureDim: number,
  types: readonly MediaType[] = mediaTypes,
): RequestRows {
  if (contentType === mediaType.csv && types.includes(contentType))
    return { rows: parseCsvRequest(body, featureDim, 0) };
  const { type, parameters } = parseContentType(contentType ?? "");
  switch (types.find((each) => each === type)) {
    case mediaType.csv:
      return { rows: parseCsvRequest(body, featureDim, labelSize(parameters)) };
    case mediaType.json:
      return readInstances(instancesOf(parseJson(body.toString("utf8"), "The body")), featureDim);
    case mediaType.jsonLines:
      return readInstances(parseLines(body.toString("utf8")), featureDim);
    case mediaType.recordIo:
      return { rows: readRecords(body, featureDim) };
    case undefined: {
      const got =
        contentType === undefined ? "No Content-Type was given" : `Content-Type '${contentType}' is not supported`;
      throw new RequestError(415, `${got}: expected one of ${types.join(", ")}.`);
    }
  }
}

function labelSize(parameters: ReadonlyMap<string, string>): number {
  const text = parameters.get("label_size") ?? "0";
  if (!/^\d{1,4}$/.test(text)) throw new RequestError(400, `label_size must be a whole number, got '${text}'.`);
  return Number(text);
}

function readInstances(instances: readonly unknown[], featureDim: number): RequestRows {
  const parsed = instances.map((instance, i) => parseInstance(instance, i, featureDim));
  const rows = toRows(parsed, featureDim);
  const hasConfiguration = parsed.some(({ configuration }) => configuration !== undefined);
  return hasConfiguration ? { rows, configurations: parsed.map(({ configuration }) => configuration) } : { rows };
}

function readRecords(body: Buffer, featureDim: number): Rows {
  try {
    return decodeRows(body, featureDim);
  } catch (error) {
    if (error instanceof CustomerError) throw new RequestError(400, error.message, { cause: error });
    throw error;
  }
}
