import { parseContentType } from "../../job/content-type.ts";
import { CustomerError, RequestError } from "../../job/errors.ts";
import { readDelimited } from "../data/delimited.ts";
import { cleanField, type RawTable } from "../data/raw-table.ts";

/**
 * Reads the rows of a request, the target left out: CSV without a header (or with the very one of the data), or JSON:
 * `{"instances": [{"features": […]}]}` or objects by the names of columns, and the same by lines.
 * @param names - The columns in their order.
 * @throws RequestError naming what does not fit.
 */
export function readRequest(contentType: string | undefined, body: Buffer, names: readonly string[]): RawTable {
  const { type } = parseContentType(contentType ?? "text/csv");
  const text = body.toString("utf8");
  try {
    switch (type) {
      case "text/csv":
        return ofCsv(text, names);
      case "application/json": {
        const read = JSON.parse(text) as { readonly instances?: unknown };
        return ofRows(Array.isArray(read) ? read : Array.isArray(read?.instances) ? read.instances : [read], names);
      }
      case "application/jsonlines":
        return ofRows(
          text
            .split("\n")
            .filter((line) => line.trim() !== "")
            .map((line) => JSON.parse(line) as unknown),
          names,
        );
    }
  } catch (error) {
    if (error instanceof CustomerError || error instanceof SyntaxError) {
      throw new RequestError(400, error.message, { cause: error });
    }
    throw error;
  }
  throw new RequestError(415, `Requests are text/csv, application/json or application/jsonlines, not ${type}.`);
}

function ofCsv(text: string, names: readonly string[]): RawTable {
  const table = readDelimited(text, { file: "the request", hasHeader: false, names });
  const isHeader = table.count > 0 && table.columns.every((column, i) => column[0] === names[i]);
  if (!isHeader) return table;
  return { ...table, count: table.count - 1, columns: table.columns.map((column) => column.slice(1)) };
}

function ofRows(rows: readonly unknown[], names: readonly string[]): RawTable {
  const fields = rows.map((row, index) => fieldsOf(row, index, names));
  const columns = names.map((_, i) => fields.map((each) => cleanField(textOf(each[i]))));
  return { names, count: rows.length, columns };
}

function fieldsOf(row: unknown, index: number, names: readonly string[]): readonly unknown[] {
  const given = typeof row === "object" && row !== null && "features" in row ? row.features : row;
  if (Array.isArray(given)) {
    if (given.length === names.length) return given;
    throw new CustomerError(`Row ${index + 1} has ${given.length} value(s) where ${names.length} are expected.`);
  }
  if (typeof given !== "object" || given === null)
    throw new CustomerError(`Row ${index + 1} is no list and no object.`);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new CustomerError(`Row ${index + 1} has '${unknown}', which is no column.`);
  return names.map((name) => (given as Readonly<Record<string, unknown>>)[name]);
}

/** Numbers, texts and truth values as CSV would have them. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
