import type { Store, StoredRecord } from "../../../store/store.ts";
import { type TopicPlace, topicKey } from "../topic-name.ts";
import type { SubscriptionValue } from "./subscription-record.ts";

/** One subscription to a topic. */
export interface Subscription {
  readonly id: string;
  readonly isConfirmed: boolean;
  readonly record: StoredRecord<SubscriptionValue>;
}

/** Most subscriptions of one topic: a message is written once for each, in one transaction. */
export const maxSubscriptions = 1_000;

/** Whoever did not confirm within two days is forgotten. */
export const pendingMs = 48 * 3600_000;

/** All subscriptions to a topic, those that were never confirmed in time as well. */
export async function subscriptionsOf(store: Store, topic: TopicPlace): Promise<Subscription[]> {
  const { account, region, name } = topicKey(topic);
  const query = { kind: "sns-subscription", account, region, prefix: `${name}/`, limit: 1_000 };
  const subscriptions: Subscription[] = [];
  let token: string | undefined;
  do {
    const page = await store.list<SubscriptionValue>({ ...query, ...(token && { token }) });
    for (const record of page.records) {
      const id = record.name.slice(name.length + 1);
      subscriptions.push({ id, isConfirmed: record.status === "confirmed", record });
    }
    token = page.next;
  } while (token !== undefined);
  return subscriptions;
}
