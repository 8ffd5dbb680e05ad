import { type Store, type StoredRecord, WriteConflict } from "../../../store/store.ts";
import { notFound } from "../errors.ts";
import { type TopicPlace, topicKey } from "../topic-name.ts";
import type { TopicValue } from "./topic-record.ts";

/** @throws ServiceError NotFound. */
export async function readTopic(topic: TopicPlace, store: Store): Promise<StoredRecord<TopicValue>> {
  const record = await store.get<TopicValue>(topicKey(topic));
  if (record === undefined) throw notFound("Topic");
  return record;
}

/** Changes what a topic has, however many do so at once. @throws ServiceError NotFound. */
export async function changeTopic(
  topic: TopicPlace,
  store: Store,
  change: (value: TopicValue) => TopicValue,
): Promise<void> {
  for (;;) {
    const { version, value } = await readTopic(topic, store);
    try {
      await store.write([{ op: "update", key: topicKey(topic), version, value: change(value) }]);
      return;
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
}
