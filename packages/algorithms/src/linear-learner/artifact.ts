import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readArrayList, writeArrayList } from "../formats/mxnet/array-list.ts";
import { readZip, writeZip } from "../formats/zip.ts";
import { writeWhole } from "../job/write-whole.ts";
import type { LossName } from "./losses.ts";
import type { LinearModel } from "./scaling.ts";
import type { PredictorType } from "./settings.ts";

/** A trained model as it is deployed. */
export interface TrainedModel {
  readonly predictorType: PredictorType;
  readonly loss: LossName;
  /** Binary classifiers label a row 1 when its linear score is at least this. */
  readonly threshold: number;
  readonly linear: LinearModel;
}

const ARCHIVE = "model_algo-1";
const SYMBOL = "mx-mod-symbol.json";
const PARAMETERS = "mx-mod-0000.params";
const EXTRA = "additional-params.json";
const MANIFEST = "manifest.json";
const VERSION = 1;

interface Extra {
  readonly format: "sagebrush-linear-learner";
  readonly version: number;
  readonly predictor_type: PredictorType;
  readonly loss: LossName;
  readonly threshold: number;
  readonly feature_dim: number;
  readonly num_outputs: number;
}

/** Writes `model_algo-1`: the ZIP of an Apache MXNet module that the service's own model has, visible whole or not at all. */
export async function saveModel(directory: string, model: TrainedModel): Promise<void> {
  const { features, outputs, weights, bias } = model.linear;
  const extra: Extra = {
    format: "sagebrush-linear-learner",
    version: VERSION,
    predictor_type: model.predictorType,
    loss: model.loss,
    threshold: model.threshold,
    feature_dim: features,
    num_outputs: outputs,
  };
  const archive = writeZip([
    { name: EXTRA, bytes: json(extra) },
    { name: MANIFEST, bytes: json({ symbol: SYMBOL, params: PARAMETERS, additional: EXTRA }) },
    { name: SYMBOL, bytes: json(symbolOf(outputs)) },
    {
      name: PARAMETERS,
      bytes: writeArrayList([
        { name: "arg:fc0_weight", shape: [outputs, features], values: weights },
        { name: "arg:fc0_bias", shape: [outputs], values: bias },
      ]),
    },
  ]);
  await writeWhole(directory, ARCHIVE, [archive]);
}

/** Reads what `saveModel` wrote. @throws Error when the archive is not one of ours or of a newer format. */
export async function loadModel(directory: string): Promise<TrainedModel> {
  const entries = readZip(await readFile(join(directory, ARCHIVE)));
  const extra = JSON.parse(Buffer.from(entry(entries, EXTRA)).toString("utf8")) as Partial<Extra>;
  if (extra.format !== "sagebrush-linear-learner" || extra.version !== VERSION) {
    throw new Error(
      `${ARCHIVE} is not a linear-learner model of format version ${VERSION}: it says ${extra.format ?? "no format"}, version ${extra.version ?? "none"}`,
    );
  }
  const { predictor_type, loss, threshold, feature_dim, num_outputs } = extra as Extra;
  const arrays = new Map(readArrayList(entry(entries, PARAMETERS)).map((array) => [array.name, array.values]));
  const weights = arrays.get("arg:fc0_weight");
  const bias = arrays.get("arg:fc0_bias");
  if (weights?.length !== feature_dim * num_outputs || bias?.length !== num_outputs) {
    throw new Error(`${PARAMETERS} does not hold a ${num_outputs} x ${feature_dim} model`);
  }
  return {
    predictorType: predictor_type,
    loss,
    threshold,
    linear: { features: feature_dim, outputs: num_outputs, weights, bias },
  };
}

function entry(entries: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  const bytes = entries.get(name);
  if (bytes === undefined) throw new Error(`${ARCHIVE} lacks ${name}`);
  return bytes;
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** The graph `data -> FullyConnected(fc0)`, as `mx.mod.Module.load("mx-mod", 0)` reads it. */
function symbolOf(outputs: number): object {
  const none: number[][] = [];
  return {
    nodes: [
      { op: "null", name: "data", inputs: none },
      { op: "null", name: "fc0_weight", inputs: none },
      { op: "null", name: "fc0_bias", inputs: none },
      {
        op: "FullyConnected",
        name: "fc0",
        attrs: { num_hidden: String(outputs) },
        inputs: [
          [0, 0, 0],
          [1, 0, 0],
          [2, 0, 0],
        ],
      },
    ],
    arg_nodes: [0, 1, 2],
    node_row_ptr: [0, 1, 2, 3, 4],
    heads: [[3, 0, 0]],
    attrs: { mxnet_version: ["int", 10400] },
  };
}
