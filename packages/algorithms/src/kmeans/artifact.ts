import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readArrayList, writeArrayList } from "../formats/mxnet/array-list.ts";
import { writeWhole } from "../job/write-whole.ts";

/** The centres of the clusters. */
export interface KMeansModel {
  readonly k: number;
  readonly width: number;
  /** Shape (k, width), row-major. */
  readonly centres: Float32Array;
}

const FILE = "model_algo-1";

/** Writes `model_algo-1`: an MXNet NDArray list of one array without a name, as the service's own model is. */
export async function saveModel(directory: string, { k, width, centres }: KMeansModel): Promise<void> {
  await writeWhole(directory, FILE, [writeArrayList([{ name: "", shape: [k, width], values: centres }])]);
}

/** Reads what `saveModel`, the service or `mx.nd.save` wrote. @throws Error when it is no list of one matrix. */
export async function loadModel(directory: string): Promise<KMeansModel> {
  const arrays = readArrayList(await readFile(join(directory, FILE)));
  const [array] = arrays;
  const [k = 0, width = 0] = array?.shape ?? [];
  if (array === undefined || arrays.length !== 1 || array.shape.length !== 2 || k === 0 || width === 0) {
    const found = arrays.map(({ shape }) => `(${shape.join(", ")})`).join(", ") || "none";
    throw new Error(`${FILE} must hold one array of centres, shape (k, feature_dim); it holds ${found}`);
  }
  if (!array.values.every(Number.isFinite)) throw new Error(`${FILE} has a centre that is not finite`);
  return { k, width, centres: array.values };
}
