import type { AssumeRoleCommandInput, AssumeRoleResponse } from "@aws-sdk/client-sts";
import { ServiceError } from "../../errors.ts";
import { uniqueRoleId } from "../../execution-roles.ts";
import type { Handler } from "../service.ts";
import { type CreateSession, grantCredentials } from "./session.ts";

const oneHour = 3600;
const roleArn = /^arn:(aws[a-z-]*):iam::(\d{12}):role\/(?:.*\/)?([\w+=,.@-]{1,64})$/;

/**
 * Temporary credentials of a role, of any account: what they may reach is that account's. Roles carry no policies yet,
 * so that every role whose ARN is well-formed may be assumed.
 * @throws ServiceError `ValidationError` for an ARN that is not a role's.
 */
export function assumeRole(createSession: CreateSession): Handler<AssumeRoleCommandInput, AssumeRoleResponse> {
  return async (input, { platform }) => {
    const match = roleArn.exec(input.RoleArn ?? "");
    if (!match) throw new ServiceError("ValidationError", `${input.RoleArn} is invalid`, { status: 400 });
    const [, partition, account, role] = match as unknown as [string, string, string, string];
    const name = input.RoleSessionName as string;
    const arn = `arn:${partition}:sts::${account}:assumed-role/${role}/${name}`;
    const userId = `${uniqueRoleId(account, role)}:${name}`;
    const expiresAt = platform.clock.now() + (input.DurationSeconds ?? oneHour) * 1000;
    return {
      Credentials: grantCredentials(createSession, { account, arn, userId, expiresAt }),
      AssumedRoleUser: { AssumedRoleId: userId, Arn: arn },
      PackedPolicySize: 0,
    };
  };
}
