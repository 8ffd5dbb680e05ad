import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readArrayList, writeArrayList } from "../formats/mxnet/array-list.ts";
import { writeWhole } from "../job/write-whole.ts";

/** Topics, and how often they come. */
export interface LdaModel {
  /** Dirichlet parameters, shape (topics,), positive. */
  readonly alpha: Float32Array;
  /** Shape (topics, vocabulary), row-major: probabilities of words. */
  readonly beta: Float32Array;
  readonly vocabulary: number;
}

const FILE = "model_algo-1";

/** Writes `model_algo-1`: an MXNet NDArray list of two arrays without names, alpha and beta, as the service's own model is. */
export async function saveModel(directory: string, { alpha, beta, vocabulary }: LdaModel): Promise<void> {
  const arrays = [
    { name: "", shape: [alpha.length], values: alpha },
    { name: "", shape: [alpha.length, vocabulary], values: beta },
  ];
  await writeWhole(directory, FILE, [writeArrayList(arrays)]);
}

/** Reads what `saveModel`, the service or `mx.nd.save` wrote. @throws Error when it is no such list. */
export async function loadModel(directory: string): Promise<LdaModel> {
  const arrays = readArrayList(await readFile(join(directory, FILE)));
  const [alpha, beta] = arrays;
  const [topics = 0, vocabulary = 0] = beta?.shape ?? [];
  if (
    alpha === undefined ||
    beta?.shape.length !== 2 ||
    arrays.length !== 2 ||
    topics * vocabulary === 0 ||
    alpha.values.length !== topics
  ) {
    const found = arrays.map(({ shape }) => `(${shape.join(", ")})`).join(", ") || "none";
    throw new Error(`${FILE} must hold alpha (num_topics) and beta (num_topics, feature_dim); it holds ${found}`);
  }
  const isGood = [...alpha.values].every((value) => value > 0 && value < Infinity);
  if (!isGood || !beta.values.every((value) => value >= 0 && value < Infinity)) {
    throw new Error(`${FILE} has a value that is no Dirichlet parameter or no probability`);
  }
  return { alpha: alpha.values, beta: beta.values, vocabulary };
}
