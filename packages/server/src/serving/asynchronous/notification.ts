import type { AsyncRequest, Place } from "./async-request.ts";

/** A model's answer as a notification carries it. */
export interface AnswerExcerpt {
  readonly contentType: string | undefined;
  /** `undefined` when it is too large. */
  readonly body: Buffer | undefined;
}

/** Answers up to this size go into notifications. */
export const maxNotifiedBytes = 128 * 1024;

/** An object's address. */
export function uriOf({ bucket, key }: Place): string {
  return `s3://${bucket}/${key}`;
}

/** What a topic is told of a request that was answered, in SageMaker's form. */
export function successMessage(request: AsyncRequest, region: string, now: number, answer: AnswerExcerpt): string {
  return JSON.stringify({
    ...common(request, region, now),
    invocationStatus: "Completed",
    responseParameters: {
      ...(answer.contentType !== undefined && { contentType: answer.contentType }),
      outputLocation: uriOf(request.output),
    },
    ...(request.includesAnswer.success && { responseBody: bodyOf(answer.body) }),
    ...event,
  });
}

/** The same of one that failed. @param body - What the model said, if anything. */
export function failureMessage(
  request: AsyncRequest,
  region: string,
  now: number,
  { reason, body }: { readonly reason: string; readonly body: Buffer | undefined },
): string {
  return JSON.stringify({
    ...common(request, region, now),
    invocationStatus: "Failed",
    failureReason: reason,
    ...(request.includesAnswer.error && body !== undefined && { responseBody: bodyOf(body) }),
    ...event,
  });
}

/** What topics are told when an endpoint begins to use them. */
export const testMessage = JSON.stringify({
  ...{ eventVersion: "1.0", eventSource: "aws:sagemaker", eventName: "TestNotification" },
});

const event = { eventVersion: "1.0", eventSource: "aws:sagemaker", eventName: "InferenceResult" };

function common(request: AsyncRequest, region: string, now: number) {
  const { contentType, accept, endpoint, input, inferenceId, receivedAt } = request;
  return {
    ...{ awsRegion: region, eventTime: new Date(now).toISOString(), receivedTime: new Date(receivedAt).toISOString() },
    requestParameters: {
      ...(accept !== undefined && { accept }),
      ...(contentType !== undefined && { contentType }),
      endpointName: endpoint,
      ...("bucket" in input && { inputLocation: uriOf(input) }),
    },
    inferenceId,
  };
}

function bodyOf(body: Buffer | undefined) {
  if (body === undefined) {
    const message = `The response is larger than ${maxNotifiedBytes / 1024} KB and is not in this notification.`;
    return { content: "", message, encoding: "BASE64" };
  }
  return { content: body.toString("base64"), message: null, encoding: "BASE64" };
}
