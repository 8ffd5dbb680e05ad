import { ServiceError } from "../../errors.ts";
import type { ScalableId } from "../../serving/scaling/scalable-target.ts";

const error = (code: string, message: string): ServiceError => new ServiceError(code, message, { status: 400 });

/** The input breaks a rule that the model of the API cannot state. */
export function invalid(message: string): ServiceError {
  return error("ValidationException", message);
}

/** What is asked for is not there. @param what - `No scalable target registered`, to begin a sentence with. */
export function objectNotFound(what: string, { resourceId, dimension }: ScalableId): ServiceError {
  return error(
    "ObjectNotFoundException",
    `${what} for service namespace: sagemaker, resource ID: ${resourceId}, scalable dimension: ${dimension}`,
  );
}

/** More of a kind than there may be. */
export function limitExceeded(message: string): ServiceError {
  return error("LimitExceededException", message);
}

/** A page token that no operation gave out, or not this one. */
export function invalidNextToken(): ServiceError {
  return error("InvalidNextTokenException", "The provided token is not valid.");
}

/** Of tags: no resource with that ARN. */
export function resourceNotFound(arn: string): ServiceError {
  return new ServiceError("ResourceNotFoundException", `Resource ${arn} not found.`, {
    status: 400,
    members: { ResourceName: arn },
  });
}
