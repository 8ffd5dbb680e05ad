import type { Answerer } from "../../job/algorithm.ts";
import { RequestError } from "../../job/errors.ts";
import { type MediaType, mediaType } from "../../job/serving/media-types.ts";
import { negotiate } from "../../job/serving/negotiate.ts";
import { encode } from "./encode.ts";
import type { Ensemble } from "./ensemble.ts";
import { readRequest } from "./read-request.ts";
import { selectedKeys, selectedOutput } from "./selected-output.ts";

/** Requests and answers in the forms of SageMaker's own container. */
export function answerer(
  ensemble: Ensemble,
  { environment, cpus }: { environment: NodeJS.ProcessEnv; cpus: number },
): Answerer {
  const fallback = negotiate(environment.SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT, mediaType.csv).type;
  const keys = selectedKeys(environment.SAGEMAKER_INFERENCE_OUTPUT);
  const isBatch = (environment.SAGEMAKER_BATCH ?? "").toLowerCase() === "true";
  return {
    maxConcurrentTransforms: cpus,
    answer: ({ contentType, accept, body }) => {
      if (body.length === 0) return { status: 204, type: fallback, body: "" };
      const type = acceptedType(accept, fallback);
      const rows = readRequest(contentType, body, ensemble.features);
      try {
        const output = keys === undefined ? plainOutput(ensemble, rows) : selectedOutput(ensemble, rows, keys);
        return { status: 200, type, body: encode(output, type, { isBatch }) };
      } catch (error) {
        if (error instanceof RequestError || !(error instanceof Error) || error.name !== "CustomerError") throw error;
        throw new RequestError(400, `Unable to evaluate payload provided: ${error.message}`, { cause: error });
      }
    },
  };
}

function acceptedType(accept: string | undefined, fallback: MediaType): MediaType {
  return negotiate(accept, fallback).type;
}

/** `score`: a number for each row, or a list of them. */
function plainOutput(ensemble: Ensemble, rows: Parameters<Ensemble["predict"]>[0]) {
  const { values, width } = ensemble.predict(rows, "value");
  return {
    keys: ["score"],
    rows: Array.from({ length: rows.count }, (_, row) => [
      width === 1 ? (values[row] as number) : Array.from(values.subarray(row * width, (row + 1) * width)),
    ]),
    isPlain: true,
  };
}
