import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type NamedArray, readArrayList, writeArrayList } from "../formats/mxnet/array-list.ts";
import { writeWhole } from "../job/write-whole.ts";

/** Principal components, the strongest one last, as the service's models have them. */
export interface PcaModel {
  readonly width: number;
  readonly count: number;
  /** Shape (width,); absent where the mean is not subtracted. */
  readonly mean?: Float32Array;
  /** Shape (width, count), row-major: a component is a column. */
  readonly v: Float32Array;
  /** Shape (count,), ascending: the singular values of the rows, less their mean. */
  readonly s: Float32Array;
}

const FILE = "model_algo-1";

/** Writes `model_algo-1`: an MXNet dictionary of arrays `mean` (1, width), `v` (width, count) and `s` (count,). */
export async function saveModel(directory: string, { width, count, mean, v, s }: PcaModel): Promise<void> {
  const arrays: NamedArray[] = [
    ...(mean === undefined ? [] : [{ name: "mean", shape: [1, width], values: mean }]),
    { name: "v", shape: [width, count], values: v },
    { name: "s", shape: [count], values: s },
  ];
  await writeWhole(directory, FILE, [writeArrayList(arrays)]);
}

/** Reads what `saveModel`, the service or `mx.nd.save` wrote. @throws Error when it is no such dictionary. */
export async function loadModel(directory: string): Promise<PcaModel> {
  const arrays = readArrayList(await readFile(join(directory, FILE)));
  const find = (wanted: string) => arrays.find(({ name }) => name === wanted);
  const [v, s, mean] = [find("v"), find("s"), find("mean")];
  const [width = 0, count = 0] = v?.shape ?? [];
  const fits =
    v?.shape.length === 2 &&
    v.values.length > 0 &&
    s?.values.length === count &&
    (mean?.values.length ?? width) === width;
  if (!fits) {
    const found = arrays.map(({ name, shape }) => `${name || "(no name)"} (${shape.join(", ")})`).join(", ") || "none";
    throw new Error(
      `${FILE} must hold v (feature_dim, num_components), s (num_components) and perhaps mean (1, feature_dim); it holds ${found}`,
    );
  }
  for (const { name, values } of arrays) {
    if (!values.every(Number.isFinite)) throw new Error(`${FILE} has a value that is not finite in ${name}`);
  }
  return { width, count, v: v.values, s: s.values, ...(mean === undefined ? {} : { mean: mean.values }) };
}
