import { preconditionFailed } from "../../../objects/bucket-errors.ts";
import type { ObjectVersion } from "../../../objects/object-records.ts";

/** Conditions of a read, from headers or from a copy's source members. */
export interface ReadConditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: Date | undefined;
  readonly ifUnmodifiedSince?: Date | undefined;
}

/** What the conditions come to. */
export type Verdict = "read" | "not-modified" | { readonly failed: string };

/** RFC 9110, section 13.2.2: tags decide before times, and a time counts only where the tag of its kind is absent. */
export function judge(conditions: ReadConditions, { etag, modifiedAt }: ObjectVersion): Verdict {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  // HTTP dates have no fractions.
  const modified = Math.floor(modifiedAt / 1000) * 1000;
  if (ifMatch !== undefined) {
    if (!hasTag(ifMatch, etag)) return { failed: "If-Match" };
  } else if (ifUnmodifiedSince && modified > ifUnmodifiedSince.getTime()) return { failed: "If-Unmodified-Since" };
  if (ifNoneMatch !== undefined) return hasTag(ifNoneMatch, etag) ? "not-modified" : "read";
  return ifModifiedSince && modified <= ifModifiedSince.getTime() ? "not-modified" : "read";
}

/** The same for the source of a copy, where "not modified" is a failure too. @throws ServiceError `PreconditionFailed`. */
export function requireCopyConditions(conditions: ReadConditions, source: ObjectVersion): void {
  const verdict = judge(conditions, source);
  if (verdict === "read") return;
  throw preconditionFailed(
    verdict === "not-modified" ? "x-amz-copy-source-If-None-Match" : `x-amz-copy-source-${verdict.failed}`,
  );
}

/** Whether a list of entity tags, or `*`, has this one. */
function hasTag(list: string, etag: string): boolean {
  const bare = etag.replaceAll('"', "");
  return list.split(",").some((tag) => {
    const text = tag.trim().replace(/^W\//, "").replaceAll('"', "");
    return text === "*" || text === bare;
  });
}
