import type { Serving } from "../../serving/open-serving.ts";
import type { Service } from "../service.ts";
import { invokeEndpoint } from "./invoke-endpoint.ts";
import { invokeEndpointAsync } from "./invoke-endpoint-async.ts";
import { invokeWithResponseStream } from "./invoke-with-response-stream.ts";

/** The data plane: everything of it goes past the gateway's codecs, straight to the model processes. */
export function sagemakerRuntimeService(serving: Pick<Serving, "invoker" | "asynchronous" | "routes">): Service {
  const { invoker } = serving;
  return {
    name: "sagemaker-runtime",
    signingNames: ["sagemaker"],
    protocol: "rest-json",
    operations: { InvokeEndpointAsync: invokeEndpointAsync(serving) },
    streamOperations: {
      InvokeEndpoint: invokeEndpoint(invoker),
      InvokeEndpointWithResponseStream: invokeWithResponseStream(invoker),
    },
  };
}
