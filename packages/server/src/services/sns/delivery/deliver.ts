import type { Clock } from "../../../clock.ts";
import type { Log } from "../../../log.ts";
import type { NetworkPolicy } from "../../../network-policy.ts";
import { type Store, type StoredRecord, type Write, WriteConflict } from "../../../store/store.ts";
import type { Signer } from "../signing/signer.ts";
import { shownEndpoint } from "../subscription/endpoint.ts";
import type { SubscriptionValue } from "../subscription/subscription-record.ts";
import type { TopicValue } from "../topic/topic-record.ts";
import { topicArn, topicKey, topicOfRecord } from "../topic-name.ts";
import { type DeliveryValue, subscriptionOfDelivery } from "./delivery-record.ts";
import { envelope } from "./envelope.ts";
import { type PostOutcome, post } from "./post.ts";
import { effectivePolicy, retryDelayMs } from "./retry-policy.ts";

/** What deliveries work with. */
export interface DeliveryWorld {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: NetworkPolicy;
  readonly signer: () => Promise<Signer>;
}

/**
 * Tries to deliver once. The record goes when the subscriber has taken the message, refuses it, or has been tried often
 * enough; a message whose record a crash kept is delivered again.
 * @returns Milliseconds since 1970 of the next attempt; `undefined` when there is none.
 */
export async function deliver(
  world: DeliveryWorld,
  record: StoredRecord<DeliveryValue>,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { store, clock } = world;
  const { value: delivery } = record;
  const topic = topicOfRecord(record);
  const subscription = await store.get<SubscriptionValue>(subscriptionOfDelivery(record));
  const owner = await store.get<TopicValue>(topicKey(topic));
  const isWanted =
    subscription !== undefined &&
    owner !== undefined &&
    // A question that was asked again, or answered already, is not asked any more.
    (delivery.kind === "notification" ||
      (subscription.status === "pending" && subscription.value.token === delivery.token));
  if (!isWanted) return await drop(store, record);
  const ofTopic = owner.value.attributes;
  const policy = effectivePolicy(ofTopic["DeliveryPolicy"], subscription.value.attributes["DeliveryPolicy"]);
  const request = envelope({
    ...{ topic, delivery, subscription: subscription.value, contentType: policy.contentType },
    subscriptionId: subscription.name.slice(topic.name.length + 1),
    signatureVersion: ofTopic["SignatureVersion"] === "2" ? "2" : "1",
    signer: await world.signer(),
  });
  const { endpoint } = subscription.value;
  const outcome = await post({ endpoint, ...request, policy: world.policy, signal });
  signal.throwIfAborted();
  if (outcome.kind === "answered" && outcome.status >= 200 && outcome.status < 300) return await drop(store, record);
  const failures = delivery.failures + 1;
  const delayMs = mayHelp(outcome) ? retryDelayMs(policy.retry, failures) : undefined;
  const about = { topic: topicArn(topic), endpoint: shownEndpoint(endpoint), messageId: delivery.messageId, failures };
  const reason = outcome.kind === "answered" ? `it answered ${outcome.status}` : outcome.reason;
  if (delayMs === undefined) {
    world.log.warn("message not delivered", { ...about, reason });
    return await drop(store, record);
  }
  world.log.info("message will be delivered again", { ...about, reason, delayMs });
  const notBefore = clock.now() + delayMs;
  const value: DeliveryValue = { ...delivery, failures, notBefore };
  return await changed(store, { op: "update", key: keyOf(record), version: record.version, value }, notBefore);
}

/** SNS tries again what a server may mend, and not what it refuses. */
function mayHelp(outcome: PostOutcome): boolean {
  return outcome.kind === "failed" || outcome.status >= 500 || outcome.status === 429;
}

async function drop(store: Store, record: StoredRecord): Promise<undefined> {
  return await changed(store, { op: "delete", key: keyOf(record) }, undefined);
}

/** @returns `next`; `undefined` when the record is gone. */
async function changed<Next>(store: Store, write: Write, next: Next): Promise<Next | undefined> {
  try {
    await store.write([write]);
    return next;
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    return undefined;
  }
}

function keyOf({ account, region, kind, name }: StoredRecord) {
  return { account, region, kind, name };
}
