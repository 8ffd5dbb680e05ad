import type { Answerer, Predictions } from "../../job/algorithm.ts";
import { RequestError } from "../../job/errors.ts";
import { mediaType } from "../../job/serving/media-types.ts";
import { negotiate } from "../../job/serving/negotiate.ts";
import { writeResponse } from "../../job/serving/write-response.ts";
import { type IpInsightsModel, loadModel } from "../artifact.ts";
import type { Network } from "../network.ts";
import { openNetwork } from "../open-network.ts";
import { readPairs } from "./read-pairs.ts";

const response = { wrapper: "predictions", defaultAccept: mediaType.json } as const;
/** Pairs that are looked at together. */
const sliceRows = 256;

/** Reads a trained model for serving. */
export async function load(modelDirectory: string): Promise<Answerer> {
  const model = await loadModel(modelDirectory);
  const { vectorDim, layers, weights } = model;
  const network = await openNetwork({ vectorDim, layers, randoms: 0, shuffles: 0, rows: sliceRows }, 1);
  network.weights.set(weights);
  network.prepare();
  for (let i = 0; i < sliceRows; i++) network.batch.entityOf[i] = i;
  return {
    maxConcurrentTransforms: 1,
    answer: ({ contentType, accept, body }) => {
      const { type, parameters } = negotiate(accept, response.defaultAccept);
      if (type !== mediaType.json && type !== mediaType.jsonLines) {
        throw new RequestError(
          406,
          `Accept '${accept}' cannot be answered: expected ${mediaType.json} or ${mediaType.jsonLines}.`,
        );
      }
      const isVerbose = parameters.get("verbose")?.toLowerCase() === "true";
      const predictions = compare(readPairs(contentType, body), { model, network, isVerbose });
      return { status: 200, type, body: writeResponse(predictions, type, response) };
    },
  };
}

interface Loaded {
  readonly model: IpInsightsModel;
  readonly network: Network;
  readonly isVerbose: boolean;
}

/** The product of each pair's vectors, the same for a pair alone as among others. */
function compare(pairs: Uint32Array, { model, network, isVerbose }: Loaded): Predictions {
  const rows = pairs.length / 2;
  const { vectorDim: width, numEntityVectors } = model;
  const { batch, stride } = network;
  const products = new Float32Array(rows);
  const entities = new Float32Array(isVerbose ? rows * width : 0);
  const addresses = new Float32Array(isVerbose ? rows * width : 0);
  for (let first = 0; first < rows; first += sliceRows) {
    const count = Math.min(sliceRows, rows - first);
    for (let i = 0; i < count; i++) {
      const vector = model.vectorOf((pairs[2 * (first + i)] as number) % numEntityVectors);
      const at = 3 * i * stride;
      if (vector === undefined) batch.table.fill(0, at, at + width);
      else batch.table.set(vector, at);
      batch.addresses[i] = pairs[2 * (first + i) + 1] as number;
    }
    network.score(count, 0);
    products.set(batch.scores.subarray(0, count), first);
    for (let i = 0; isVerbose && i < count; i++) {
      entities.set(batch.table.subarray(3 * i * stride, 3 * i * stride + width), (first + i) * width);
      addresses.set(network.vector(i).subarray(0, width), (first + i) * width);
    }
  }
  const product = { name: "dot_product", values: products };
  if (!isVerbose) return { rows, columns: [product] };
  return {
    rows,
    columns: [
      product,
      { name: "entity_embedding", width, values: entities },
      { name: "ip_embedding", width, values: addresses },
    ],
  };
}
