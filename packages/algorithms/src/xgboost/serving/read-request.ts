import { delimiterOf, putCommas } from "../../formats/csv/delimiter.ts";
import { parseCsvRequest } from "../../formats/csv/parse-request.ts";
import { countFields } from "../../formats/csv/parse-rows.ts";
import { LibsvmRows } from "../../formats/libsvm/libsvm-rows.ts";
import { decodeRows } from "../../formats/recordio-protobuf/decode-rows.ts";
import type { Rows } from "../../formats/rows.ts";
import { parseContentType } from "../../job/content-type.ts";
import { CustomerError, RequestError } from "../../job/errors.ts";

const types = "text/csv, text/libsvm, text/x-libsvm, application/x-recordio-protobuf";

/**
 * Reads the rows of a request. What rows leave out at their end is missing.
 * @throws RequestError 415 for a type that is not read here, 400 for a body that is not what its type says.
 */
export function readRequest(contentType: string | undefined, body: Buffer, features: number): Rows {
  const { type, parameters } = parseContentType(contentType ?? "text/libsvm");
  switch (type) {
    case "text/csv": {
      const size = parameters.get("label_size");
      if (size !== undefined && size !== "1") {
        throw new RequestError(
          415,
          `Content-Type '${contentType}' is not read here: label_size must be 1 where it is given.`,
        );
      }
      return readCsv(body, features);
    }
    case "text/libsvm":
    case "text/x-libsvm":
      return readLibsvm(body, features);
    case "application/x-recordio-protobuf":
      return readRecords(body, features);
    default:
      throw new RequestError(415, `Content-Type '${contentType}' is not supported: expected one of ${types}.`);
  }
}

function readCsv(body: Buffer, features: number): Rows {
  const begin = body.findIndex((byte) => byte !== 0x0a && byte !== 0x0d);
  if (begin < 0) throw new RequestError(400, "The body has no rows.");
  putCommas(body, delimiterOf(body, begin));
  const width = countFields(body, begin);
  if (width > features) throw new RequestError(400, `Row 1 has ${width} features where the model takes ${features}.`);
  return parseCsvRequest(body, width, 0);
}

function readLibsvm(body: Buffer, features: number): Rows {
  const rows = new LibsvmRows();
  rows.add(
    body,
    (line, problem) => {
      throw new RequestError(400, `Line ${line}: ${problem}.`);
    },
    true,
  );
  if (rows.count === 0) throw new RequestError(400, "The body has no rows.");
  if (rows.width > features) {
    throw new RequestError(
      400,
      `A row has index ${rows.width - 1} where the model takes ${features} features (0 to ${features - 1}).`,
    );
  }
  return rows.rows(features);
}

function readRecords(body: Buffer, features: number): Rows {
  try {
    return decodeRows(body, features);
  } catch (error) {
    if (error instanceof CustomerError) throw new RequestError(400, error.message, { cause: error });
    throw error;
  }
}
