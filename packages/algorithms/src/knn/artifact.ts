import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beginWhole } from "../job/write-whole.ts";
import { readFaiss } from "./index/read-faiss.ts";
import type { RowMemory } from "./index/row-store.ts";
import type { VectorIndex } from "./index/vector-index.ts";
import { writeFaiss } from "./index/write-faiss.ts";
import type { Preparation } from "./prepare-rows.ts";
import type { ReductionModel } from "./reduction.ts";
import type { PredictorType } from "./vote.ts";

/** What is searched, and what is made of what is found. */
export interface KnnModel {
  readonly k: number;
  readonly predictorType: PredictorType;
  readonly preparation: Preparation;
  readonly index: VectorIndex;
  /** Label of each row, by its id. */
  readonly labels: Float32Array;
}

const INDEX = "model_algo-1";
const LABELS = "model_algo-1.labels";
const METADATA = "model_algo-1.json";
const version = "1.0";
const manyBytes = 4 * 1024 * 1024;

/**
 * Writes the three files that the service's own model has: a FAISS index, its rows' labels (float32), and metadata. Once it
 * resolves, the model may be searched, which moves its rows; the files are there when `durable` resolves.
 */
export async function saveModel(directory: string, model: KnnModel): Promise<{ readonly durable: Promise<unknown> }> {
  const { k, predictorType, preparation, index, labels } = model;
  const { reduction, inputWidth, normalize } = preparation;
  const metadata = {
    k,
    predictor_type: predictorType,
    dimension_reduction: {
      type: reduction?.type ?? null,
      seed: reduction?.seed ?? null,
      target_dim: reduction?.target ?? null,
      input_dim: inputWidth,
    },
    normalize,
    version,
  };
  const begun = await Promise.all([
    beginWhole(directory, INDEX, writeFaiss(index)),
    beginWhole(directory, LABELS, [new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength)]),
    beginWhole(directory, METADATA, [`${JSON.stringify(metadata)}\n`]),
  ]);
  return { durable: Promise.all(begun.map(({ durable }) => durable)) };
}

/** Whether all rows of a model are looked at for each query, and so many that products are worth a library's start. */
export async function isLargeFlat(directory: string): Promise<boolean> {
  const file = await open(join(directory, INDEX), "r");
  try {
    const { buffer } = await file.read(Buffer.alloc(3), 0, 3, 0);
    return buffer.toString("latin1") === "IxF" && (await file.stat()).size > manyBytes;
  } finally {
    await file.close();
  }
}

/** Reads what `saveModel` wrote. @throws Error naming the file that is at fault. */
export async function loadModel(directory: string, memory: RowMemory): Promise<KnnModel> {
  const metadata = metadataOf(await readFile(join(directory, METADATA), "utf8"));
  const index = await readFaiss(join(directory, INDEX), memory);
  const labels = await readLabels(join(directory, LABELS));
  const count = index.rows.count;
  if (labels.length !== count) {
    throw new Error(`${LABELS} has ${labels.length} labels for an index of ${count} rows`);
  }
  if (metadata.k > count) {
    throw new Error(`${METADATA} asks for k = ${metadata.k} neighbours of an index of ${count} rows`);
  }
  const { k, predictorType, reduction, normalize } = metadata;
  const inputWidth = metadata.inputWidth ?? index.width;
  const needed = reduction?.target ?? inputWidth;
  if (needed > index.width) {
    throw new Error(`${METADATA} makes rows of ${needed} features for an index of ${index.width}`);
  }
  return { k, predictorType, index, labels, preparation: { inputWidth, width: index.width, reduction, normalize } };
}

interface Metadata {
  readonly k: number;
  readonly predictorType: PredictorType;
  readonly reduction: ReductionModel | undefined;
  readonly inputWidth: number | undefined;
  readonly normalize: boolean;
}

function metadataOf(text: string): Metadata {
  const read = jsonOf(text);
  const { k, predictor_type: predictorType, normalize = false } = read;
  if (!isCount(k)) throw new Error(`${METADATA} must have a whole number k >= 1, not ${JSON.stringify(k)}`);
  if (predictorType !== "classifier" && predictorType !== "regressor") {
    throw new Error(
      `${METADATA} must have a predictor_type 'classifier' or 'regressor', not ${JSON.stringify(predictorType)}`,
    );
  }
  const reduction = (read.dimension_reduction ?? {}) as Record<string, unknown>;
  const { type, seed, target_dim: target, input_dim: inputWidth } = reduction;
  const rest = {
    k,
    predictorType,
    normalize: normalize === true,
    inputWidth: isCount(inputWidth) ? inputWidth : undefined,
  } as const;
  if (type === undefined || type === null) return { ...rest, reduction: undefined };
  const isWhole = (type === "sign" || type === "fjlt") && isCount(target) && isCount(inputWidth);
  if (!isWhole || typeof seed !== "number" || target > 2 ** Math.ceil(Math.log2(inputWidth))) {
    throw new Error(`${METADATA} has a dimension_reduction that cannot be made: ${JSON.stringify(reduction)}`);
  }
  return { ...rest, reduction: { type, seed, target, inputWidth } };
}

function jsonOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    throw new Error(`${METADATA} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  throw new Error(`${METADATA} must hold a JSON object`);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1;
}

async function readLabels(path: string): Promise<Float32Array> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (size % 4 !== 0) throw new Error(`${LABELS} has ${size} bytes, which is no whole number of floats`);
    const labels = new Float32Array(size / 4);
    const bytes = new Uint8Array(labels.buffer);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(bytes, at, size - at, at);
      if (bytesRead === 0) throw new Error(`${LABELS} ends early`);
      at += bytesRead;
    }
    return labels;
  } finally {
    await file.close();
  }
}
