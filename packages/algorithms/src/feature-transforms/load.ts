import { readRequest } from "../autopilot/serving/read-request.ts";
import type { Answerer, LoadContext } from "../job/algorithm.ts";
import { CustomerError, RequestError } from "../job/errors.ts";
import { negotiate } from "../job/serving/negotiate.ts";
import { openTransform } from "../transforms/fit.ts";
import { readArtifact } from "./artifact.ts";
import { typedTable } from "./column-types.ts";
import { encode } from "./encode.ts";

/**
 * Answers rows with what the transform makes of them. Without an Accept header, or with any type accepted, the answer is of
 * the type that SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT names, `text/csv` by default.
 */
export async function load(directory: string, { environment, cpus, log }: LoadContext): Promise<Answerer> {
  const { inputs, fitted, outputs } = readArtifact(directory);
  const apply = openTransform(fitted);
  const names = inputs.map(({ name }) => name);
  const fallback = negotiate(environment.SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT, "text/csv").type;
  log.info(`Transforms of ${names.length} columns into ${outputs.length}.`);
  return {
    maxConcurrentTransforms: cpus,
    answer({ contentType, accept, body }) {
      const { type } = negotiate(accept, fallback);
      if (contentType === undefined) throw new RequestError(415, "No Content-Type was given.");
      const raw = readRequest(contentType, body, names);
      if (raw.count === 0) throw new RequestError(400, "The body has no rows.");
      const table = typedTable(raw, inputs, (message) => new RequestError(400, message));
      try {
        return { status: 200, type, body: encode(apply(table), type) };
      } catch (error) {
        if (error instanceof CustomerError) throw new RequestError(400, error.message, { cause: error });
        throw error;
      }
    },
  };
}
