import type { ServerResponse } from "node:http";
import type { InvokeEndpointCommandInput } from "@aws-sdk/client-sagemaker-runtime";
import type { Answer, Invoker } from "../../serving/invoke/invoker.ts";
import { validationError } from "../../serving/invoke/model-errors.ts";
import type { StreamHandler } from "../service.ts";

type BoundInput = Omit<InvokeEndpointCommandInput, "Body">;

/** Largest request body; the quota of real-time endpoints is 25 MB. */
export const maxBodyBytes = 25 * 1024 * 1024;

/** Answers up to this size are sent as text. */
const textBytes = 16 * 1024;

/** Headers of an answer that go back to the caller under their own names; everything else stays here. */
const returned: ReadonlyMap<string, string> = new Map([
  ["content-type", "Content-Type"],
  ["x-amzn-sagemaker-custom-attributes", "X-Amzn-SageMaker-Custom-Attributes"],
  ["x-amzn-sagemaker-new-session-id", "X-Amzn-SageMaker-New-Session-Id"],
  ["x-amzn-sagemaker-closed-session-id", "X-Amzn-SageMaker-Closed-Session-Id"],
]);
const variantHeader = "x-Amzn-Invoked-Production-Variant";

/**
 * InvokeEndpoint: the hot path. The body goes to a model process as it is and the model's answer comes back as it is;
 * only the headers of the container contract cross over, in both directions.
 */
export function invokeEndpoint(invoker: Invoker): StreamHandler<BoundInput> {
  return async (input, context, { response, body }) => {
    checkTargets(input);
    const answer = await invoker.invoke({
      scope: context.scope,
      endpoint: input.EndpointName as string,
      targetVariant: input.TargetVariant,
      headers: modelHeaders(input),
      body: body.whole ?? (await body.read(maxBodyBytes)),
      overflow: (variant, status, headers) => {
        writeHead(response, { variant, status, headers }, undefined);
        return response;
      },
    });
    if (answer.body === undefined) return;
    writeHead(response, answer, answer.body.length);
    // Node joins head and body into one write when both are text; one character is one byte here.
    if (answer.body.length <= textBytes) response.end(answer.body.toString("latin1"), "latin1");
    else response.end(answer.body);
  };
}

/** What the model sees of the caller's headers: these, and never the signature. */
function modelHeaders(input: BoundInput): string[] {
  const headers: string[] = [];
  if (input.ContentType !== undefined) headers.push("content-type", input.ContentType);
  if (input.Accept !== undefined) headers.push("accept", input.Accept);
  if (input.CustomAttributes !== undefined) headers.push("x-amzn-sagemaker-custom-attributes", input.CustomAttributes);
  if (input.SessionId !== undefined) headers.push("x-amzn-sagemaker-session-id", input.SessionId);
  return headers;
}

/** Ways to address a part of an endpoint that no endpoint of this version has. */
function checkTargets(input: BoundInput): void {
  if (input.TargetModel !== undefined) {
    throw validationError("TargetModel is for multi-model endpoints; this endpoint hosts one model.");
  }
  if (input.TargetContainerHostname !== undefined) {
    throw validationError(
      "TargetContainerHostname is for models whose containers are invoked directly; this endpoint's is not.",
    );
  }
  if (input.InferenceComponentName !== undefined) {
    throw validationError(`Inference component ${input.InferenceComponentName} not found.`);
  }
}

function writeHead(response: ServerResponse, answer: Answer, length: number | undefined): void {
  const { headers } = answer;
  const head: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = returned.get(headers[i] as string);
    if (name !== undefined) head.push(name, headers[i + 1] as string);
  }
  head.push(variantHeader, answer.variant);
  if (length !== undefined) head.push("Content-Length", String(length));
  response.writeHead(200, head);
}
