import { RequestError } from "../job/errors.ts";
import type { Runtime, Tensor, TensorData, ValueMetadata } from "./runtime.ts";

/** Nested lists of numbers or texts, as JSON has them. */
type Nested = number | boolean | string | readonly Nested[];

/** Largest number of elements of one request. */
const mostElements = 64 * 1024 ** 2;

/**
 * Reads a request's tensors: rows of CSV, or JSON: a list, `{"instances": [...]}`, or `{"inputs": {"NAME": [...]}}`.
 * A model with several inputs takes rows as one column for each of them.
 * @throws RequestError
 */
export function readInputs(
  runtime: Runtime,
  inputs: readonly ValueMetadata[],
  contentType: string | undefined,
  body: Buffer,
): Record<string, Tensor> {
  const type = (contentType ?? "application/json").split(";", 1)[0]?.trim().toLowerCase();
  if (type === "text/csv") return ofRows(runtime, inputs, csvRows(body.toString("utf8")));
  if (type !== "application/json") {
    throw new RequestError(415, `Content type ${type} is not supported; expected text/csv or application/json.`);
  }
  const value = parseJson(body);
  if (Array.isArray(value)) return ofRows(runtime, inputs, value as Nested[]);
  const { instances, inputs: named } = value as { readonly instances?: unknown; readonly inputs?: unknown };
  if (Array.isArray(instances)) return ofRows(runtime, inputs, instances as Nested[]);
  if (typeof named !== "object" || named === null) {
    throw new RequestError(400, 'Expected a list, an object with "instances", or one with "inputs".');
  }
  const given = new Map(Object.entries(named));
  const unknown = [...given.keys()].find((name) => !inputs.some((input) => input.name === name));
  if (unknown !== undefined) throw new RequestError(400, `The model has no input ${unknown}; ${describe(inputs)}.`);
  return Object.fromEntries(
    inputs.map((input) => {
      const nested = given.get(input.name);
      if (nested === undefined) throw new RequestError(400, `The input ${input.name} is missing; ${describe(inputs)}.`);
      return [input.name, tensor(runtime, input, nested as Nested)];
    }),
  );
}

function ofRows(runtime: Runtime, inputs: readonly ValueMetadata[], rows: readonly Nested[]): Record<string, Tensor> {
  const [first, ...others] = inputs;
  if (first === undefined) throw new RequestError(400, "The model has no input.");
  if (rows.length === 0) throw new RequestError(400, "The request has no row.");
  if (others.length === 0) return { [first.name]: tensor(runtime, first, rows) };
  return Object.fromEntries(
    inputs.map((input, column) => {
      const values = rows.map((row): Nested => {
        if (Array.isArray(row) && row.length === inputs.length) return [row[column] as Nested];
        throw new RequestError(
          400,
          `Each row must have ${inputs.length} values, one for each input; ${describe(inputs)}.`,
        );
      });
      return [input.name, tensor(runtime, input, values)];
    }),
  );
}

function describe(inputs: readonly ValueMetadata[]): string {
  return `its inputs are ${inputs.map(({ name, type, shape }) => `${name} (${type} ${JSON.stringify(shape)})`).join(", ")}`;
}

function tensor(runtime: Runtime, { name, type, shape, isTensor }: ValueMetadata, nested: Nested): Tensor {
  if (!isTensor || type === undefined) throw new RequestError(400, `The input ${name} is no tensor.`);
  const dims: number[] = [];
  for (let level: Nested = nested; Array.isArray(level); level = level[0] as Nested) dims.push(level.length);
  const count = dims.reduce((product, each) => product * each, 1);
  if (count > mostElements) throw new RequestError(413, `The input ${name} has more than ${mostElements} elements.`);
  const flat: (number | boolean | string)[] = [];
  flatten(name, nested, dims, 0, flat);
  checkShape(name, dims, shape);
  return new runtime.Tensor(type, dataOf(name, type, flat), dims);
}

function flatten(name: string, nested: Nested, dims: readonly number[], depth: number, into: unknown[]): void {
  if (depth === dims.length) {
    if (Array.isArray(nested)) throw new RequestError(400, `The input ${name} is not rectangular.`);
    into.push(nested);
    return;
  }
  if (!Array.isArray(nested) || nested.length !== dims[depth]) {
    throw new RequestError(400, `The input ${name} is not rectangular.`);
  }
  for (const each of nested as readonly Nested[]) flatten(name, each, dims, depth + 1, into);
}

/** Dimensions that the model names may be any. */
function checkShape(name: string, dims: readonly number[], shape: ValueMetadata["shape"]): void {
  if (shape === undefined) return;
  const fits =
    dims.length === shape.length &&
    shape.every((wanted, at) => typeof wanted !== "number" || wanted < 0 || wanted === dims[at]);
  if (fits) return;
  throw new RequestError(
    400,
    `The input ${name} has the shape ${JSON.stringify(dims)}; the model wants ${JSON.stringify(shape)}.`,
  );
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
} as const;

function dataOf(name: string, type: string, flat: readonly (number | boolean | string)[]): TensorData {
  if (type === "string") return flat.map(String);
  const numbers = flat.map((value) => {
    const number = typeof value === "string" && value.trim() === "" ? Number.NaN : Number(value);
    if (!Number.isNaN(number) || /^\s*nan\s*$/iu.test(String(value))) return number;
    throw new RequestError(400, `The input ${name} wants numbers; ${JSON.stringify(value)} is none.`);
  });
  if (type === "int64" || type === "uint64") {
    const odd = numbers.find((number) => !Number.isSafeInteger(number));
    if (odd !== undefined) throw new RequestError(400, `The input ${name} wants whole numbers; ${odd} is none.`);
    const whole = numbers.map(BigInt);
    return type === "int64" ? BigInt64Array.from(whole) : BigUint64Array.from(whole);
  }
  if (type === "bool") return Uint8Array.from(numbers, (number) => (number === 0 ? 0 : 1));
  const array = Object.hasOwn(arrays, type) ? arrays[type as keyof typeof arrays] : undefined;
  if (array === undefined)
    throw new RequestError(400, `The input ${name} is of type ${type}, which requests cannot have.`);
  return array.from(numbers);
}

function csvRows(text: string): string[][] {
  return text
    .split(/\r?\n/u)
    .flatMap((line) => (line.trim() === "" ? [] : [line.split(",").map((cell) => cell.trim())]));
}

function parseJson(body: Buffer): object {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (cause) {
    throw new RequestError(400, `The body is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof value === "object" && value !== null) return value;
  throw new RequestError(400, 'Expected a list, an object with "instances", or one with "inputs".');
}
