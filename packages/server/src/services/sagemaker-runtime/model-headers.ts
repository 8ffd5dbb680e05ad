import type { InvokeEndpointCommandInput } from "@aws-sdk/client-sagemaker-runtime";
import type { Answer, Answerer } from "../../serving/invoke/invoker.ts";
import { validationError } from "../../serving/invoke/model-errors.ts";
import { callersSession } from "../../serving/routing/sessions.ts";

/** Members of every way to invoke a model that are bound to headers and the path. */
export type InvokeInput = Pick<
  InvokeEndpointCommandInput,
  | "EndpointName"
  | "ContentType"
  | "Accept"
  | "CustomAttributes"
  | "TargetModel"
  | "TargetVariant"
  | "TargetContainerHostname"
  | "InferenceComponentName"
  | "SessionId"
  | "InferenceId"
  | "EnableExplanations"
>;

/**
 * What the model sees of the caller's headers: these and the session, and never the signature.
 * @throws ServiceError ValidationError for what no endpoint here can be asked.
 */
export function modelHeaders(input: InvokeInput): string[] {
  if (input.EnableExplanations !== undefined) {
    throw validationError(
      `EnableExplanations: endpoint ${input.EndpointName} has no ExplainerConfig, which is not supported by this version.`,
    );
  }
  const headers: string[] = [];
  if (input.ContentType !== undefined) headers.push("content-type", input.ContentType);
  if (input.Accept !== undefined) headers.push("accept", input.Accept);
  if (input.CustomAttributes !== undefined) headers.push("x-amzn-sagemaker-custom-attributes", input.CustomAttributes);
  return headers;
}

const sessionHeaders: ReadonlyMap<string, string> = new Map([
  ["x-amzn-sagemaker-new-session-id", "X-Amzn-SageMaker-New-Session-Id"],
  ["x-amzn-sagemaker-closed-session-id", "X-Amzn-SageMaker-Closed-Session-Id"],
]);

/**
 * Headers that go back to the caller, names and values in turn; whatever else a model sends stays here.
 * @param contentType - The name that its content type goes by.
 */
export function callersHeaders(
  { headers, variant, runId }: Answerer & Pick<Answer, "headers">,
  contentType: string,
): string[] {
  const head: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (name === "content-type") head.push(contentType, value);
    else if (name === "x-amzn-sagemaker-custom-attributes") head.push("X-Amzn-SageMaker-Custom-Attributes", value);
    else {
      const session = sessionHeaders.get(name);
      if (session !== undefined) head.push(session, callersSession(value, runId));
    }
  }
  head.push("x-Amzn-Invoked-Production-Variant", variant);
  return head;
}
