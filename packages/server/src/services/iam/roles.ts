import type { Role } from "@aws-sdk/client-iam";
import { executionRoles, uniqueRoleId } from "../../execution-roles.ts";
import type { Scope } from "../../scope.ts";

const trust = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "sagemaker.amazonaws.com" }, Action: "sts:AssumeRole" }],
};

/** The default execution role, as IAM describes it; `undefined` for any other name. */
export function findRole({ partition, account }: Scope, name: string): Role | undefined {
  const known = executionRoles.find((each) => each === name);
  if (known === undefined) return undefined;
  return {
    Path: "/",
    RoleName: known,
    RoleId: uniqueRoleId(account, known),
    Arn: `arn:${partition}:iam::${account}:role/${known}`,
    // It has always been there: a date that tells nothing about this installation.
    CreateDate: new Date(Date.UTC(2017, 10, 29)),
    // IAM hands policy documents out percent-encoded.
    AssumeRolePolicyDocument: encodeURIComponent(JSON.stringify(trust)),
    Description: "The role that training jobs and models run as unless they name another.",
    MaxSessionDuration: 43_200,
  };
}
