import { hash } from "node:crypto";

/** The role that every account has from the start, and the name under which older examples look for it. */
export const executionRoles = ["SagebrushExecutionRole", "SageMakerRole"] as const;

/** A role's stable id, of AWS's form: `AROA` and 17 characters. */
export function uniqueRoleId(account: string, role: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const digest = hash("sha256", `${account}/${role}`, "buffer");
  return `AROA${Array.from(digest.subarray(0, 17), (byte) => alphabet[byte & 31]).join("")}`;
}
