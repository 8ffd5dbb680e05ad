import { RequestError } from "../../job/errors.ts";
import type { Rows } from "../rows.ts";

/** One instance of a JSON request. */
export interface Instance {
  readonly values: readonly number[];
  /** Columns of the values; absent when there is one value for each column. */
  readonly keys?: readonly number[];
  readonly configuration?: Readonly<Record<string, unknown>>;
}

/**
 * Reads one instance in either spelling, `{"features":[1,2]}` or `{"data":{"features":{"values":[1,2]}}}`, dense or
 * sparse (`keys`, `shape` and `values`).
 * @param index - Of the instance in its request, for messages.
 * @throws RequestError 400 when it has another form, or another width than `featureDim`.
 */
export function parseInstance(value: unknown, index: number, featureDim: number): Instance {
  const refuse = (problem: string) => new RequestError(400, `Instance ${index + 1} ${problem}.`);
  const instance = asObject(value);
  const features = instance?.features ?? asObject(instance?.data)?.features;
  const tensor = Array.isArray(features) ? { values: features } : asObject(features);
  if (instance === undefined || tensor === undefined) throw refuse('has no "features"');
  const values = numbers(tensor.values);
  if (values === undefined) throw refuse("must have a list of numbers as its values");
  const configuration = asObject(instance.configuration);
  const rest = configuration === undefined ? {} : { configuration };
  if (tensor.keys === undefined) {
    if (values.length !== featureDim) throw refuse(`has ${values.length} features where the model takes ${featureDim}`);
    return { values, ...rest };
  }
  const keys = numbers(tensor.keys);
  const width = numbers(tensor.shape)?.reduce((product, size) => product * size, 1);
  if (keys === undefined || keys.length !== values.length) throw refuse("must have as many keys as values");
  if (width === undefined) throw refuse('has keys and so must have a "shape"');
  if (width !== featureDim) throw refuse(`has ${width} features where the model takes ${featureDim}`);
  const outside = keys.find((key) => !Number.isInteger(key) || key < 0 || key >= featureDim);
  if (outside !== undefined) throw refuse(`has key ${outside}, which is no column of ${featureDim}`);
  if (new Set(keys).size !== keys.length) throw refuse("names a key twice");
  return { values, keys, ...rest };
}

/** Joins instances: dense rows when all of them are dense, else sparse ones. */
export function toRows(instances: readonly Instance[], width: number): Rows {
  const count = instances.length;
  if (instances.every(({ keys }) => keys === undefined)) {
    const values = new Float32Array(count * width);
    for (const [row, instance] of instances.entries()) values.set(instance.values, row * width);
    return { kind: "dense", count, width, values };
  }
  const offsets = new Float64Array(count + 1);
  for (const [row, { values }] of instances.entries()) offsets[row + 1] = (offsets[row] ?? 0) + values.length;
  const columns = new Uint32Array(offsets[count] ?? 0);
  const values = new Float32Array(columns.length);
  for (const [row, instance] of instances.entries()) {
    const keys = instance.keys ?? instance.values.map((_, column) => column);
    const order = keys.map((_, i) => i).sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
    columns.set(
      order.map((i) => keys[i] ?? 0),
      offsets[row],
    );
    values.set(
      order.map((i) => instance.values[i] ?? 0),
      offsets[row],
    );
  }
  return { kind: "sparse", count, width, offsets, columns, values };
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function numbers(value: unknown): readonly number[] | undefined {
  return Array.isArray(value) && value.every((item) => typeof item === "number") ? value : undefined;
}
