import { ServiceError } from "../../../errors.ts";

/** What a form's policy allows. */
export interface PostPolicy {
  /** Bytes of the file, both ends inclusive. */
  readonly least: number;
  readonly most: number;
}

/** Fields that a policy need not name. */
const FREE = /^(x-amz-signature|file|policy|awsaccesskeyid|signature|x-ignore-.*)$/;

/**
 * Checks a form's fields against its policy: every condition must hold, and every field must have one.
 * @param now - Milliseconds since 1970.
 * @throws ServiceError `AccessDenied`, `InvalidPolicyDocument`.
 */
export function checkPolicy(
  policy: string,
  fields: Readonly<Record<string, string>>,
  bucket: string,
  now: number,
): PostPolicy {
  const { expiration, conditions } = parse(policy);
  if (!(Date.parse(expiration) > now)) throw denied("Invalid according to Policy: Policy expired.");
  const values: Record<string, string> = { ...fields, bucket };
  const covered = new Set<string>(["bucket"]);
  let [least, most] = [0, Number.POSITIVE_INFINITY];
  for (const condition of conditions) {
    if (!Array.isArray(condition)) {
      for (const [name, wanted] of Object.entries(condition)) {
        const field = name.toLowerCase();
        covered.add(field);
        if ((values[field] ?? "") !== String(wanted)) throw failed(["eq", `$${name}`, wanted]);
      }
      continue;
    }
    const [operator, subject, wanted] = condition;
    if (String(operator).toLowerCase() === "content-length-range") {
      [least, most] = [Math.max(least, Number(subject)), Math.min(most, Number(wanted))];
      continue;
    }
    const field = String(subject).replace(/^\$/, "").toLowerCase();
    covered.add(field);
    const value = values[field] ?? "";
    const holds =
      String(operator).toLowerCase() === "starts-with" ? value.startsWith(String(wanted)) : value === wanted;
    if (!holds) throw failed(condition);
  }
  const extra = Object.keys(fields).find((field) => !covered.has(field) && !FREE.test(field));
  if (extra !== undefined) throw denied(`Invalid according to Policy: Extra input fields: ${extra}`);
  return { least, most };
}

function parse(policy: string): { expiration: string; conditions: (unknown[] | Record<string, unknown>)[] } {
  try {
    const parsed = JSON.parse(Buffer.from(policy, "base64").toString("utf8"));
    if (typeof parsed.expiration === "string" && Array.isArray(parsed.conditions)) return parsed;
  } catch {
    // Falls through to the one error for every malformed policy.
  }
  throw new ServiceError("InvalidPolicyDocument", "Invalid Policy: Invalid JSON.", { status: 400 });
}

function failed(condition: unknown): ServiceError {
  return denied(`Invalid according to Policy: Policy Condition failed: ${JSON.stringify(condition)}`);
}

function denied(message: string): ServiceError {
  return new ServiceError("AccessDenied", message, { status: 403 });
}
