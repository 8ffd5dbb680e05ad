import type { Tag } from "@aws-sdk/client-ecr";
import { ecrError } from "./errors.ts";

const mostTags = 50;

/** Adds tags to a repository's or changes their values. @throws ServiceError `TooManyTagsException`. */
export function addTags(
  old: Readonly<Record<string, string>>,
  added: readonly { readonly Key: string; readonly Value: string }[],
): Record<string, string> {
  const tags = { ...old, ...Object.fromEntries(added.map(({ Key, Value }) => [Key, Value])) };
  if (Object.keys(tags).length <= mostTags) return tags;
  throw ecrError("TooManyTagsException", `A repository has at most ${mostTags} tags.`);
}

/** In ECR's form. */
export function asTags(tags: Readonly<Record<string, string>>): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
