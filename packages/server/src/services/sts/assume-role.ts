import type { AssumeRoleCommandInput, AssumeRoleResponse } from "@aws-sdk/client-sts";
import { ServiceError } from "../../errors.ts";
import { uniqueRoleId } from "../../execution-roles.ts";
import type { Handler } from "../service.ts";
import { type CreateSession, grantCredentials } from "./session.ts";
import { sessionTags } from "./session-tags.ts";

const oneHour = 3600;
const roleArn = /^arn:(aws[a-z-]*):iam::(\d{12}):role\/(?:.*\/)?([\w+=,.@-]{1,64})$/;

/** Who a session of a role is. @returns `undefined` for an ARN that is not a role's. */
export function assumedRole(
  role: string,
  sessionName: string,
): { readonly account: string; readonly arn: string; readonly userId: string } | undefined {
  const match = roleArn.exec(role);
  if (!match) return undefined;
  const [, partition, account, name] = match as unknown as [string, string, string, string];
  return {
    account,
    arn: `arn:${partition}:sts::${account}:assumed-role/${name}/${sessionName}`,
    userId: `${uniqueRoleId(account, name)}:${sessionName}`,
  };
}

/**
 * Temporary credentials of a role, of any account: what they may reach is that account's. Roles carry no policies yet,
 * so that every role whose ARN is well-formed may be assumed.
 * @throws ServiceError `ValidationError` for an ARN that is not a role's.
 */
export function assumeRole(createSession: CreateSession): Handler<AssumeRoleCommandInput, AssumeRoleResponse> {
  return async (input, { platform, principal }) => {
    const identity = assumedRole(input.RoleArn ?? "", input.RoleSessionName as string);
    if (!identity) throw new ServiceError("ValidationError", `${input.RoleArn} is invalid`, { status: 400 });
    const { arn, userId } = identity;
    const tags = sessionTags(input, principal.sessionTags);
    const expiresAt = platform.clock.now() + (input.DurationSeconds ?? oneHour) * 1000;
    return {
      Credentials: grantCredentials(createSession, { ...identity, expiresAt, tags }),
      AssumedRoleUser: { AssumedRoleId: userId, Arn: arn },
      PackedPolicySize: 0,
    };
  };
}
