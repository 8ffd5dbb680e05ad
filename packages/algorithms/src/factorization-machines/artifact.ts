import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type NamedArray, readArrayList, writeArrayList } from "../formats/mxnet/array-list.ts";
import { readZip, writeZip } from "../formats/zip.ts";
import { writeWhole } from "../job/write-whole.ts";
import type { FactorizationHyperparameters } from "./hyperparameters.ts";
import type { Parameters } from "./learner.ts";
import { type GraphSymbol, predictorTypeOf, symbolOf } from "./symbol.ts";

/** A trained model as it is deployed. */
export interface FactorizationModel {
  readonly predictorType: FactorizationHyperparameters["predictor_type"];
  readonly width: number;
  readonly factors: number;
  readonly parameters: Parameters;
}

const ARCHIVE = "model_algo-1";
const SYMBOL = "symbol.json";
const PARAMETERS = "params";

/** Writes `model_algo-1`: the ZIP of an Apache MXNet symbol and its parameters, with the names of the service's own. */
export async function saveModel(directory: string, model: FactorizationModel): Promise<void> {
  const { width, factors, parameters } = model;
  const archive = writeZip([
    { name: SYMBOL, bytes: Buffer.from(JSON.stringify(symbolOf(model))) },
    {
      name: PARAMETERS,
      bytes: writeArrayList([
        { name: "arg:w0_weight", shape: [1], values: Float32Array.of(parameters.bias) },
        { name: "arg:w1_weight", shape: [width, 1], values: parameters.linear },
        { name: "arg:v", shape: [width, factors], values: parameters.factors },
      ]),
    },
  ]);
  await writeWhole(directory, ARCHIVE, [archive]);
}

/** Reads what `saveModel` wrote. @throws Error when the archive holds something else. */
export async function loadModel(directory: string): Promise<FactorizationModel> {
  const entries = readZip(await readFile(join(directory, ARCHIVE)));
  const symbol = JSON.parse(Buffer.from(entry(entries, SYMBOL)).toString("utf8")) as GraphSymbol;
  const predictorType = predictorTypeOf(symbol);
  if (predictorType === undefined) {
    throw new Error(
      `${SYMBOL} of ${ARCHIVE} ends neither in a LogisticRegressionOutput nor in a LinearRegressionOutput`,
    );
  }
  const arrays = new Map(readArrayList(entry(entries, PARAMETERS)).map((array) => [array.name, array]));
  const bias = arrayOf(arrays, "arg:w0_weight");
  const linear = arrayOf(arrays, "arg:w1_weight");
  const pairs = arrayOf(arrays, "arg:v");
  const [width = 0, factors = 0] = pairs.shape;
  if (pairs.shape.length !== 2 || width === 0 || linear.values.length !== width || bias.values.length !== 1) {
    const shapes = [bias, linear, pairs].map(({ name, shape }) => `${name} (${shape.join(", ")})`).join(", ");
    throw new Error(
      `${PARAMETERS} of ${ARCHIVE} must hold a bias, feature_dim weights and as many factors; it holds ${shapes}`,
    );
  }
  const broken = [bias, linear, pairs].find(({ values }) => !values.every(Number.isFinite));
  if (broken !== undefined) throw new Error(`${broken.name} of ${ARCHIVE} has a number that is not finite`);
  const parameters = { bias: bias.values[0] as number, linear: linear.values, factors: pairs.values };
  return { predictorType, width, factors, parameters };
}

function entry(entries: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  const bytes = entries.get(name);
  if (bytes === undefined) throw new Error(`${ARCHIVE} lacks ${name}`);
  return bytes;
}

function arrayOf(arrays: ReadonlyMap<string, NamedArray>, name: string): NamedArray {
  const array = arrays.get(name);
  if (array === undefined) throw new Error(`${PARAMETERS} of ${ARCHIVE} lacks ${name}`);
  return array;
}
