import { ServiceError } from "../../errors.ts";
import type { Scope } from "../../scope.ts";

/** Where a failed invocation happened. */
export interface Place {
  readonly scope: Scope;
  readonly endpoint: string;
  /** `primary`, or the container's name where there are several. */
  readonly container: string;
}

/** Longest `Message` and `OriginalMessage`, in characters. */
const maxMessageLength = 2_048;

/** The model answered, but not with success. @param body - Its beginning is enough. */
export function modelAnsweredError(place: Place, status: number, body: Buffer): ServiceError {
  const isClientError = status >= 400 && status < 500;
  const words = isClientError ? "client error" : "server error";
  const code = isClientError ? "CLIENT_ERROR_FROM_MODEL" : "INTERNAL_FAILURE_FROM_MODEL";
  return modelError(place, { words, code, status, original: body.toString("utf8") });
}

/** The model gave no answer in time. */
export function modelTimedOut(place: Place): ServiceError {
  const original = `Your invocation timed out while waiting for a response from container ${place.container}. Review the latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again.`;
  return modelError(place, { words: "server error", code: "INTERNAL_FAILURE_FROM_MODEL", status: 0, original });
}

/** The model's connection broke before its answer was whole. */
export function modelBrokeOff(place: Place): ServiceError {
  const original = `Could not get a whole response from container ${place.container}: it closed the connection. It may have run out of memory or crashed; its last log lines say more.`;
  return modelError(place, { words: "server error", code: "INTERNAL_FAILURE_FROM_MODEL", status: 0, original });
}

function modelError(
  place: Place,
  failure: { words: string; code: string; status: number; original: string },
): ServiceError {
  const { scope, endpoint, container } = place;
  const { partition, account, region } = scope;
  const group = `/aws/sagemaker/Endpoints/${endpoint}`;
  const original = failure.original.slice(0, maxMessageLength);
  // SageMaker's sentence, with the way to this server's own logs in place of an address of the cloud's console.
  const where = `the log group ${group} (sagebrush logs ${endpoint} --endpoint)`;
  const before = `Received ${failure.words} (${failure.status}) from ${container} with message "`;
  const after = `". See ${where} in account ${account} for more information.`;
  const room = Math.max(0, maxMessageLength - before.length - after.length);
  return new ServiceError("ModelError", `${before}${original.slice(0, room)}${after}`, {
    status: 424,
    members: {
      ErrorCode: failure.code,
      OriginalStatusCode: failure.status,
      OriginalMessage: original,
      LogStreamArn: `arn:${partition}:logs:${region}:${account}:log-group:${group}`,
    },
  });
}

/** The request cannot be served as it is. */
export function validationError(message: string): ServiceError {
  return new ServiceError("ValidationError", message, { status: 400 });
}

/** As many requests are under way as may be; clients try again. */
export function throttled(message: string): ServiceError {
  return new ServiceError("ThrottlingException", message, { status: 400 });
}

/** No instance can take the request now; clients try again. */
export function serviceUnavailable(message: string): ServiceError {
  return new ServiceError("ServiceUnavailable", message, { status: 503 });
}

/** No instance is there, and none is healthy or wanted: another one may come. */
export class NoInstances extends ServiceError {
  /** Variants that the request would go to, had they any. */
  readonly variants: readonly string[];

  constructor(variants: readonly string[], error: ServiceError) {
    super(error.code, error.message, { status: error.status });
    this.variants = variants;
  }
}
