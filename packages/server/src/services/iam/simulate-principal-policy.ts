import type { SimulatePolicyResponse, SimulatePrincipalPolicyCommandInput } from "@aws-sdk/client-iam";
import { ServiceError } from "../../errors.ts";
import type { Handler } from "../service.ts";
import { findRole } from "./roles.ts";

/**
 * What the principal may do. There are no policies yet: whoever holds the account's key, and every execution role, may do
 * everything, so that is what the answer says. The SageMaker Python SDK v3 asks before it starts a job.
 * @throws ServiceError `NoSuchEntityException` for a role that is not there.
 */
export const simulatePrincipalPolicy: Handler<SimulatePrincipalPolicyCommandInput, SimulatePolicyResponse> = async (
  { PolicySourceArn, ActionNames, ResourceArns },
  { scope },
) => {
  const role = /:role\/(?:.*\/)?([^/]+)$/.exec(PolicySourceArn as string)?.[1];
  if (role !== undefined && !findRole(scope, role)) {
    const message = `The role with name ${role} cannot be found.`;
    throw new ServiceError("NoSuchEntityException", message, { status: 404 });
  }
  const resources = ResourceArns?.length ? ResourceArns : ["*"];
  return {
    IsTruncated: false,
    EvaluationResults: (ActionNames ?? []).flatMap((action) =>
      resources.map((resource) => ({
        EvalActionName: action,
        EvalResourceName: resource,
        EvalDecision: "allowed" as const,
      })),
    ),
  };
};
