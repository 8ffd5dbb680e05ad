import { validationException } from "../../../errors.ts";
import { WriteConflict } from "../../../store/store.ts";
import type { OperationContext } from "../../service.ts";
import type { Operation, OperationTable } from "../operation.ts";
import { type TagsRecord, tagsKey } from "./tags-record.ts";

/** The most tags one resource may have. */
const tagLimit = 50;
/** ListTags' default and largest page. */
const defaultPageSize = 50;

/** Adds tags to a resource or changes their values. */
const addTags: Operation<"AddTags"> = async (input, context) => {
  const added = Object.fromEntries(input.Tags.map(({ Key, Value }) => [Key, Value]));
  const tags = await change(context, input.ResourceArn, (old) => ({ ...old, ...added }));
  return { Tags: asList(tags) };
};

/** Takes tags away; keys that are not there are ignored. */
const deleteTags: Operation<"DeleteTags"> = async (input, context) => {
  const dropped = new Set(input.TagKeys);
  await change(context, input.ResourceArn, (old) =>
    Object.fromEntries(Object.entries(old).filter(([name]) => !dropped.has(name))),
  );
  return {};
};

/** One page of a resource's tags, by key. The token is the last key of the page before. */
const listTags: Operation<"ListTags"> = async (input, context) => {
  const record = await context.platform.store.get<TagsRecord>(tagsKey(context.scope, input.ResourceArn));
  if (!record) throw noSuchResource(input.ResourceArn);
  const tags = asList(record.value.tags);
  const size = input.MaxResults ?? defaultPageSize;
  const start = input.NextToken === undefined ? 0 : tags.findIndex((tag) => tag.Key > (input.NextToken as string));
  const page = start < 0 ? [] : tags.slice(start, start + size);
  const more = start >= 0 && start + size < tags.length;
  return { Tags: page, ...(more && { NextToken: page.at(-1)?.Key }) };
};

/** AddTags, ListTags and DeleteTags, for every kind of resource. */
export const tagOperations = { AddTags: addTags, DeleteTags: deleteTags, ListTags: listTags } satisfies OperationTable;

function asList(tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(tags)
    .map(([Key, Value]) => ({ Key, Value }))
    .sort((a, b) => (a.Key < b.Key ? -1 : 1));
}

/** Every resource has its tags' record from the transaction that made it, so one without a record is not there. */
function noSuchResource(arn: string) {
  return validationException(`Could not find the resource "${arn}".`);
}

type Tags = Readonly<Record<string, string>>;

async function change(context: OperationContext, arn: string, next: (old: Tags) => Tags): Promise<Tags> {
  const { store } = context.platform;
  const key = tagsKey(context.scope, arn);
  for (;;) {
    const record = await store.get<TagsRecord>(key);
    if (!record) throw noSuchResource(arn);
    const tags = next(record.value.tags);
    if (Object.keys(tags).length > tagLimit) {
      throw validationException(
        `Resource ${arn} would have ${Object.keys(tags).length} tags; the limit is ${tagLimit}.`,
      );
    }
    const value: TagsRecord = { tags };
    try {
      await store.write([{ op: "update", key, version: record.version, value }]);
      return tags;
    } catch (error) {
      // Another request changed the tags in between: read them again.
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
}
