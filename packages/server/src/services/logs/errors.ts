import { ServiceError } from "../../errors.ts";

/** CloudWatch Logs: no such group or stream. SDKs that follow a job wait while they get this. */
export function resourceNotFoundException(what: "log group" | "log stream"): ServiceError {
  return new ServiceError("ResourceNotFoundException", `The specified ${what} does not exist.`, { status: 400 });
}

/** CloudWatch Logs: a parameter breaks a rule that its model does not state. */
export function invalidParameter(message: string): ServiceError {
  return new ServiceError("InvalidParameterException", message, { status: 400 });
}
