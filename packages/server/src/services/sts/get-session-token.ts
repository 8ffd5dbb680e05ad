import type { GetSessionTokenCommandInput, GetSessionTokenResponse } from "@aws-sdk/client-sts";
import type { Handler } from "../service.ts";
import { type CreateSession, grantCredentials } from "./session.ts";

const twelveHours = 12 * 3600;

/** Temporary credentials of the same identity. */
export function getSessionToken(
  createSession: CreateSession,
): Handler<GetSessionTokenCommandInput, GetSessionTokenResponse> {
  return async ({ DurationSeconds = twelveHours }, { principal, scope, platform }) => ({
    Credentials: grantCredentials(createSession, {
      account: scope.account,
      arn: principal.arn,
      userId: principal.userId,
      ...(principal.sessionTags && { tags: principal.sessionTags }),
      expiresAt: platform.clock.now() + DurationSeconds * 1000,
    }),
  });
}
