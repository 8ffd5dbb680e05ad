import { randomUUID } from "node:crypto";
import type { Clock } from "../../../clock.ts";
import type { Store, Write } from "../../../store/store.ts";
import { deliveryWrite } from "../delivery/delivery-record.ts";
import { subscriptionsOf } from "../subscription/subscriptions-of.ts";
import { readTopic } from "../topic/read-topic.ts";
import type { TopicPlace } from "../topic-name.ts";
import type { Publication } from "./publication.ts";

/** What publishing stands on. */
export interface Publishing {
  readonly store: Store;
  readonly clock: Clock;
}

/**
 * Publishes a message: resolves when it is sure to go out to everyone who subscribes now, each at least once.
 * @param publicUrl - Where subscribers reach this server.
 * @returns The message's id.
 * @throws ServiceError NotFound.
 */
export async function publishToTopic(
  publishing: Publishing,
  topic: TopicPlace,
  publication: Publication,
  publicUrl: string,
): Promise<string> {
  const { messageId, writes } = await publicationOf(publishing, topic, publication, publicUrl);
  if (writes.length > 0) await publishing.store.write(writes);
  return messageId;
}

/** The same, before it is written. @throws ServiceError NotFound. */
export async function publicationOf(
  { store, clock }: Publishing,
  topic: TopicPlace,
  publication: Publication,
  publicUrl: string,
): Promise<{ readonly messageId: string; readonly writes: readonly Write[] }> {
  await readTopic(topic, store);
  const messageId = randomUUID();
  const subscribers = (await subscriptionsOf(store, topic)).filter(({ isConfirmed }) => isConfirmed);
  const outgoing = { ...publication, kind: "notification" as const, messageId, publicUrl };
  const now = clock.now();
  return { messageId, writes: subscribers.map(({ id }) => deliveryWrite(topic, id, outgoing, now)) };
}
