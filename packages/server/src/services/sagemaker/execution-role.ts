import { validationException } from "../../errors.ts";
import { findRole } from "../iam/roles.ts";
import type { OperationPlace } from "../service.ts";

/**
 * Checks that the role exists that a job or a model server would run as. A role of another account is taken as it is: it names an account of
 * the cloud that the caller's code was written for, which nobody could recreate here, and nothing runs with its rights.
 * @throws ValidationException in the service's words.
 */
export function checkExecutionRole({ scope }: OperationPlace, roleArn: string): void {
  const role = /^arn:[a-z-]+:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(roleArn);
  if (role && (role[1] !== scope.account || findRole(scope, role[2] as string))) return;
  throw validationException(
    `Could not assume role ${roleArn}. Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' to assume the role.`,
  );
}
