import { ServiceError } from "../../errors.ts";

/** CloudWatch: a parameter has a value that it may not have. */
export function invalidParameterValue(message: string): ServiceError {
  return new ServiceError("InvalidParameterValueException", message, { status: 400 });
}

/** CloudWatch: parameters that do not go together. */
export function invalidParameterCombination(message: string): ServiceError {
  return new ServiceError("InvalidParameterCombinationException", message, { status: 400 });
}

/** CloudWatch: a parameter that another one makes necessary. */
export function missingRequiredParameter(message: string): ServiceError {
  return new ServiceError("MissingRequiredParameterException", message, { status: 400 });
}

/** CloudWatch: more metrics than there is room for. */
export function limitExceeded(message: string): ServiceError {
  return new ServiceError("LimitExceededException", message, { status: 400 });
}
