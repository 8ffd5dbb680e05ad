import type { Service } from "../service.ts";
import { assumeRole } from "./assume-role.ts";
import { getCallerIdentity } from "./get-caller-identity.ts";
import { getSessionToken } from "./get-session-token.ts";
import type { CreateSession } from "./session.ts";

/** Who the caller is, and credentials that end. `createSession` is the gateway's credential store's. */
export function stsService(createSession: CreateSession): Service {
  return {
    name: "sts",
    signingNames: ["sts"],
    protocol: "query",
    apiVersion: "2011-06-15",
    operations: {
      GetCallerIdentity: getCallerIdentity,
      AssumeRole: assumeRole(createSession),
      GetSessionToken: getSessionToken(createSession),
    },
  };
}
