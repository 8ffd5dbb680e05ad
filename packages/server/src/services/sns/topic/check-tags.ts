import { ServiceError } from "../../../errors.ts";
import { invalidParameter } from "../errors.ts";

const maxTags = 50;

/** @throws ServiceError InvalidParameter for a key that is given twice, TagLimitExceeded. */
export function checkTags(tags: readonly { readonly Key: string; readonly Value: string }[]): Record<string, string> {
  const byKey = Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
  if (Object.keys(byKey).length < tags.length) throw invalidParameter("Tags Reason: a key is given twice");
  checkCount(tags.length);
  return byKey;
}

/** @throws ServiceError TagLimitExceeded. */
export function checkCount(count: number): void {
  if (count <= maxTags) return;
  throw new ServiceError("TagLimitExceededException", `A topic may have at most ${maxTags} tags.`, { status: 400 });
}
