import type { ServerResponse } from "node:http";
import type { Invoker } from "../../serving/invoke/invoker.ts";
import type { AnswerSink } from "../../serving/invoke/send.ts";
import type { StreamHandler } from "../service.ts";
import { bytesEvent, exceptionEvent } from "./event-stream.ts";
import { maxBodyBytes } from "./invoke-endpoint.ts";
import { callersHeaders, type InvokeInput, modelHeaders } from "./model-headers.ts";

/** A model may take this long for a whole stream. */
export const streamTimeoutMs = 8 * 60_000;

/**
 * InvokeEndpointWithResponseStream: the model's answer as PayloadPart events, each sent as soon as its bytes come. What
 * goes wrong before the first byte is an error as of InvokeEndpoint, later it is a ModelStreamError in the stream.
 */
export function invokeWithResponseStream(invoker: Invoker): StreamHandler<InvokeInput> {
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
      keptBytes: 0,
      ...{ timeoutMs: streamTimeoutMs, receivedAt },
      overflow: (from, _status, headers) => {
        writeHead(response, callersHeaders({ ...from, headers }, contentTypeHeader));
        return eventsTo(response);
      },
    });
    if (answer.body === undefined) return;
    // Nothing came but the end.
    writeHead(response, callersHeaders(answer, contentTypeHeader));
    response.end();
    answer.counter.overhead(performance.now() - receivedAt - answer.modelMs);
  };
}

const contentTypeHeader = "X-Amzn-SageMaker-Content-Type";

function writeHead(response: ServerResponse, headers: readonly string[]): void {
  response.writeHead(200, [...headers, "Content-Type", "application/vnd.amazon.eventstream"]);
}

function eventsTo(response: ServerResponse): AnswerSink {
  return {
    get destroyed() {
      return response.destroyed;
    },
    write: (chunk) => response.write(bytesEvent("PayloadPart", chunk)),
    end: () => void response.end(),
    breakOff: (why) => {
      const [ErrorCode, Message] =
        why === "timeout"
          ? ["ModelInvocationTimeExceeded", `The model's stream took longer than ${streamTimeoutMs / 60_000} minutes.`]
          : ["StreamBroken", "The model closed its stream before it was whole; its last log lines may say why."];
      response.end(exceptionEvent("ModelStreamError", { Message, ErrorCode }));
    },
    on: (event, listener) => response.on(event, listener),
  };
}
