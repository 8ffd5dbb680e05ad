import type { ModelAnswer } from "../job/algorithm.ts";
import { RequestError } from "../job/errors.ts";
import { negotiate } from "../job/serving/negotiate.ts";
import type { Tensor } from "./runtime.ts";

type Plain = number | string | boolean | null | readonly Plain[];

/**
 * Writes a model's outputs. JSON and JSON lines have an object with all outputs for each row, where every output has as many
 * rows, and else `{"outputs": {...}}`; CSV has all of a row's values in the order of the outputs.
 * @throws RequestError for an Accept that cannot be answered.
 */
export function writeOutputs(outputs: Readonly<Record<string, Tensor>>, accept: string | undefined): ModelAnswer {
  const { type } = negotiate(accept, "application/json");
  const plain = Object.entries(outputs).map(([name, tensor]) => [name, nested(tensor)] as const);
  const rows = rowsOf(plain.map(([, value]) => value));
  if (type === "application/json") {
    const body = rows === undefined ? { outputs: Object.fromEntries(plain) } : { predictions: objects(plain, rows) };
    return { status: 200, type, body: JSON.stringify(body) };
  }
  if (rows === undefined) {
    throw new RequestError(406, `Outputs without rows can be answered as application/json only, not as ${type}.`);
  }
  if (type === "application/jsonlines") {
    return {
      status: 200,
      type,
      body: objects(plain, rows)
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(""),
    };
  }
  if (type !== "text/csv") throw new RequestError(406, `${type} cannot be answered; JSON, JSON lines and CSV can.`);
  const lines = Array.from({ length: rows }, (_, row) =>
    plain.flatMap(([, value]) => flat((value as readonly Plain[])[row] as Plain)).join(","),
  );
  return { status: 200, type, body: `${lines.join("\n")}\n` };
}

/** The number of rows that all have; `undefined` where they differ. */
function rowsOf(values: readonly Plain[]): number | undefined {
  const [first] = values;
  if (!Array.isArray(first)) return undefined;
  return values.every((value) => Array.isArray(value) && value.length === first.length) ? first.length : undefined;
}

function objects(plain: readonly (readonly [string, Plain])[], rows: number): object[] {
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(plain.map(([name, value]) => [name, (value as readonly Plain[])[row]])),
  );
}

function nested({ dims, data, type }: Tensor): Plain {
  const values = Array.from(data as ArrayLike<number | bigint | string>, (value): Plain => {
    if (type === "bool") return value !== 0;
    return typeof value === "bigint" ? Number(value) : value;
  });
  const build = (depth: number, from: number, count: number): Plain => {
    if (depth === dims.length) return values[from] as Plain;
    const length = dims[depth] as number;
    const step = length === 0 ? 0 : count / length;
    return Array.from({ length }, (_, index) => build(depth + 1, from + index * step, step));
  };
  return build(0, 0, values.length);
}

function flat(value: Plain): string[] {
  return Array.isArray(value) ? (value as readonly Plain[]).flatMap(flat) : [String(value)];
}
