import type { AssumeRoleCommandInput } from "@aws-sdk/client-sts";
import { ServiceError } from "../../errors.ts";
import type { SessionTag } from "./session.ts";

/**
 * The tags of a role's session: those of the request, and the transitive ones of the session that asks. Keys differ by
 * more than case.
 * @throws ServiceError `ValidationError` for keys that come twice, or that the asking session has already decided.
 */
export function sessionTags(
  { Tags = [], TransitiveTagKeys = [] }: Pick<AssumeRoleCommandInput, "Tags" | "TransitiveTagKeys">,
  caller: readonly SessionTag[] = [],
): SessionTag[] {
  const inherited = caller.filter(({ transitive }) => transitive);
  const handedOn = new Set(TransitiveTagKeys.map(folded));
  const given = Tags.map(
    ({ Key = "", Value = "" }): SessionTag => ({
      ...{ key: Key, value: Value, transitive: handedOn.has(folded(Key)) },
    }),
  );
  const keys = given.map(({ key }) => folded(key));
  if (new Set(keys).size < keys.length) {
    throw invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
  }
  const missing = [...handedOn].find((key) => !keys.includes(key));
  if (missing !== undefined) {
    throw invalid(`The specified transitive tag key ${missing} must be included in the requested tags.`);
  }
  const taken = inherited.find(({ key }) => keys.includes(folded(key)));
  if (taken !== undefined) {
    throw invalid(
      `One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session: ${taken.key}.`,
    );
  }
  return [...inherited, ...given];
}

function folded(key: string): string {
  return key.toLowerCase();
}

function invalid(message: string): ServiceError {
  return new ServiceError("ValidationError", message, { status: 400 });
}
