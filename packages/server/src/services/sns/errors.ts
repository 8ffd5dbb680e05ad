import { ServiceError } from "../../errors.ts";

/** SNS: a parameter is not what it must be. @param what - `Endpoint Reason: it is not an address`. */
export function invalidParameter(what: string): ServiceError {
  return new ServiceError("InvalidParameterException", `Invalid parameter: ${what}`, { status: 400 });
}

/** SNS: no such topic or subscription. @param what - `Topic`, `Subscription`. */
export function notFound(what: string): ServiceError {
  return new ServiceError("NotFoundException", `${what} does not exist`, { status: 404 });
}

/** SNS: a request of several messages that is not one. */
export function batchError(name: string, message: string): ServiceError {
  return new ServiceError(`${name}Exception`, message, { status: 400 });
}
