import type { Answerer } from "../../job/algorithm.ts";
import { RequestError } from "../../job/errors.ts";
import { type MediaType, mediaType } from "../../job/serving/media-types.ts";
import { negotiate } from "../../job/serving/negotiate.ts";
import { encode, scoreLines } from "./encode.ts";
import type { Ensemble, RawAnswers } from "./ensemble.ts";
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
        if (keys !== undefined) {
          return { status: 200, type, body: encode(selectedOutput(ensemble, rows, keys), type, { isBatch }) };
        }
        const answers = ensemble.predict(rows, "value");
        const isLines = type === mediaType.csv && answers.width === 1;
        const text = isLines ? scoreLines(answers.values) : encode(plainOutput(answers, rows.count), type, { isBatch });
        return { status: 200, type, body: text };
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
function plainOutput({ values, width }: RawAnswers, count: number) {
  return {
    keys: ["score"],
    rows: Array.from({ length: count }, (_, row) => [
      width === 1 ? (values[row] as number) : Array.from(values.subarray(row * width, (row + 1) * width)),
    ]),
    isPlain: true,
  };
}
