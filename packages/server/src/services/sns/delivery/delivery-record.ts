import type { RecordKey, Write } from "../../../store/store.ts";
import { subscriptionKey, type TopicPlace } from "../topic-name.ts";

/** The value of an `sns-delivery` record: one message on its way to one subscriber. */
export interface DeliveryValue {
  /** A message, or the question whether messages are wanted. */
  readonly kind: "notification" | "confirmation";
  readonly messageId: string;
  /** Milliseconds since 1970 of Publish or Subscribe. */
  readonly at: number;
  readonly message: string;
  readonly subject?: string;
  readonly attributes?: Readonly<Record<string, MessageAttribute>>;
  /** Of a confirmation. */
  readonly token?: string;
  /** Where whoever caused it reached this server: addresses in the message begin with it. */
  readonly publicUrl: string;
  /** Attempts that failed. */
  readonly failures: number;
  /** Milliseconds since 1970: not to be tried before. */
  readonly notBefore: number;
}

/** A value beside a message; a binary one is Base64. */
export interface MessageAttribute {
  readonly type: string;
  readonly value: string;
}

/** What is sent, without how far its delivery is. */
export type Outgoing = Omit<DeliveryValue, "at" | "failures" | "notBefore">;

/** The write that sends a message, or a question, to one subscriber. Names begin with their subscription's, in order of time. */
export function deliveryWrite(topic: TopicPlace, subscriptionId: string, outgoing: Outgoing, now: number): Write {
  const { account, region, name } = subscriptionKey(topic, subscriptionId);
  const value: DeliveryValue = { ...outgoing, at: now, failures: 0, notBefore: now };
  const time = String(now).padStart(14, "0");
  return {
    op: "create",
    key: { account, region, kind: "sns-delivery", name: `${name}/${time}-${outgoing.messageId}` },
    value,
  };
}

/** The key of the subscription that a delivery is for. */
export function subscriptionOfDelivery({ account, region, name }: RecordKey): RecordKey {
  return { account, region, kind: "sns-subscription", name: name.slice(0, name.lastIndexOf("/")) };
}
