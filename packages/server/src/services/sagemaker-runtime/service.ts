import type { Invoker } from "../../serving/invoke/invoker.ts";
import type { Serving } from "../../serving/open-serving.ts";
import type { Service } from "../service.ts";
import { invokeEndpoint } from "./invoke-endpoint.ts";
import { invokeEndpointAsync } from "./invoke-endpoint-async.ts";
import { invokeWithResponseStream } from "./invoke-with-response-stream.ts";

/** The data plane: everything of it goes past the gateway's codecs, straight to the model processes. */
export function sagemakerRuntimeService(serving: Pick<Serving, "invoker" | "asynchronous" | "routes">): Service {
  return { ...realTimeService(serving.invoker), operations: { InvokeEndpointAsync: invokeEndpointAsync(serving) } };
}

/** The part of it that gateway workers serve. */
export function realTimeService(invoker: Invoker): Service {
  return {
    name: "sagemaker-runtime",
    signingNames: ["sagemaker"],
    protocol: "rest-json",
    operations: {},
    streamOperations: {
      InvokeEndpoint: invokeEndpoint(invoker),
      InvokeEndpointWithResponseStream: invokeWithResponseStream(invoker),
    },
  };
}
