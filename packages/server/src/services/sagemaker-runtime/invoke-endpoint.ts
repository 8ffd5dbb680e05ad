import type { ServerResponse } from "node:http";
import type { Invoker } from "../../serving/invoke/invoker.ts";
import type { AnswerSink } from "../../serving/invoke/send.ts";
import type { StreamHandler } from "../service.ts";
import { callersHeaders, type InvokeInput, modelHeaders } from "./model-headers.ts";

/** Largest request body; the quota of real-time endpoints is 25 MB. */
export const maxBodyBytes = 25 * 1024 * 1024;

/** Answers up to this size are sent as text. */
const textBytes = 16 * 1024;

/**
 * InvokeEndpoint: the hot path. The body goes to a model process as it is and the model's answer comes back as it is;
 * only the headers of the container contract cross over, in both directions.
 */
export function invokeEndpoint(invoker: Invoker): StreamHandler<InvokeInput> {
  return async (input, context, { response, body, receivedAt }) => {
    const answer = await invoker.invoke({
      scope: context.scope,
      endpoint: input.EndpointName as string,
      component: input.InferenceComponentName,
      targetVariant: input.TargetVariant,
      sessionId: input.SessionId,
      inferenceId: input.InferenceId,
      targetContainer: input.TargetContainerHostname,
      targetModel: input.TargetModel,
      signal: context.signal,
      headers: modelHeaders(input),
      body: body.whole ?? (await body.read(maxBodyBytes)),
      receivedAt,
      overflow: (from, _status, headers) => {
        response.writeHead(200, callersHeaders({ ...from, headers }, "Content-Type"));
        return passedOn(response);
      },
    });
    if (answer.body === undefined) return;
    const head = callersHeaders(answer, "Content-Type");
    head.push("Content-Length", String(answer.body.length));
    response.writeHead(200, head);
    // Node joins head and body into one write when both are text; one character is one byte here.
    if (answer.body.length <= textBytes) response.end(answer.body.toString("latin1"), "latin1");
    else response.end(answer.body);
    answer.counter.overhead(performance.now() - receivedAt - answer.modelMs);
  };
}

/** The response itself, for an answer whose head has gone out. */
function passedOn(response: ServerResponse): AnswerSink {
  return Object.assign(response, {
    // The status has gone out already: a cut connection is the only sign left that the answer is not whole.
    breakOff: () => void response.destroy(),
  });
}
