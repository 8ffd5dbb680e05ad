import type { GetCallerIdentityCommandInput, GetCallerIdentityResponse } from "@aws-sdk/client-sts";
import type { Handler } from "../service.ts";

/** Who the credentials belong to. The SDKs derive the execution role and the default bucket's name from it. */
export const getCallerIdentity: Handler<GetCallerIdentityCommandInput, GetCallerIdentityResponse> = async (
  _input,
  { principal, scope },
) => ({ UserId: principal.userId, Account: scope.account, Arn: principal.arn });
