import { validationException } from "../../errors.ts";
import type { OperationContext } from "../service.ts";

/**
 * Checks that the role a job would run as exists.
 * @throws ValidationException in the service's words.
 */
export async function checkExecutionRole(context: OperationContext, roleArn: string): Promise<void> {
  const role = /^arn:[a-z-]+:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(roleArn);
  if (role && (await roleExists(context, role[1] as string, role[2] as string))) return;
  throw validationException(
    `Could not assume role ${roleArn}. Please ensure that the role exists and allows principal 'sagemaker.amazonaws.com' to assume the role.`,
  );
}

async function roleExists(_context: OperationContext, _account: string, _name: string): Promise<boolean> {
  return true;
}
