import type { Service } from "../service.ts";
import { getRole } from "./get-role.ts";
import { simulatePrincipalPolicy } from "./simulate-principal-policy.ts";

/** As much of IAM as the SDKs need to find the execution role. */
export const iamService: Service = {
  name: "iam",
  signingNames: ["iam"],
  protocol: "query",
  apiVersion: "2010-05-08",
  operations: { GetRole: getRole, SimulatePrincipalPolicy: simulatePrincipalPolicy },
};
