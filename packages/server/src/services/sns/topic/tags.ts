import type { SnsOperation } from "../operation.ts";
import { readTopicArn } from "../topic-name.ts";
import { checkCount, checkTags } from "./check-tags.ts";
import { changeTopic, readTopic } from "./read-topic.ts";

/** Adds tags to a topic, over those of the same keys. */
export const tagResource: SnsOperation<"TagResource"> = async (input, { scope, platform }) => {
  const topic = readTopicArn(scope, input.ResourceArn, "ResourceArn");
  const added = checkTags(input.Tags);
  await changeTopic(topic, platform.store, (value) => {
    const tags = { ...value.tags, ...added };
    checkCount(Object.keys(tags).length);
    return { ...value, tags };
  });
  return {};
};

/** Takes tags off a topic; keys that it does not have are passed over. */
export const untagResource: SnsOperation<"UntagResource"> = async (input, { scope, platform }) => {
  const topic = readTopicArn(scope, input.ResourceArn, "ResourceArn");
  const gone = new Set(input.TagKeys);
  await changeTopic(topic, platform.store, (value) => ({
    ...value,
    tags: Object.fromEntries(Object.entries(value.tags).filter(([key]) => !gone.has(key))),
  }));
  return {};
};

/** A topic's tags, by key. */
export const listTagsForResource: SnsOperation<"ListTagsForResource"> = async (input, { scope, platform }) => {
  const topic = readTopicArn(scope, input.ResourceArn, "ResourceArn");
  const { value } = await readTopic(topic, platform.store);
  const tags = Object.entries(value.tags).map(([Key, Value]) => ({ Key, Value }));
  return { Tags: tags.sort((a, b) => (a.Key < b.Key ? -1 : 1)) };
};
