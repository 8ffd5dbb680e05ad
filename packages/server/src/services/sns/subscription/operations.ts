import { type StoredRecord, WriteConflict } from "../../../store/store.ts";
import { effectivePolicy } from "../delivery/retry-policy.ts";
import { invalidParameter, notFound } from "../errors.ts";
import { listPage } from "../list-page.ts";
import type { SnsOperation } from "../operation.ts";
import { readTopic } from "../topic/read-topic.ts";
import type { TopicValue } from "../topic/topic-record.ts";
import {
  readSubscriptionArn,
  readTopicArn,
  subscriptionArn,
  subscriptionKey,
  topicArn,
  topicKey,
  topicOfRecord,
} from "../topic-name.ts";
import { shownEndpoint } from "./endpoint.ts";
import { checkSubscriptionAttribute, isRaw } from "./subscription-attributes.ts";
import type { SubscriptionValue } from "./subscription-record.ts";

/** Ends a subscription. What was published before and not delivered yet goes as well. */
export const unsubscribe: SnsOperation<"Unsubscribe"> = async (input, { scope, platform }) => {
  const { id, ...topic } = readSubscriptionArn(scope, input.SubscriptionArn);
  try {
    await platform.store.write([{ op: "delete", key: subscriptionKey(topic, id) }]);
  } catch (error) {
    // Ended before: there is nothing left to end.
    if (!(error instanceof WriteConflict)) throw error;
  }
  return {};
};

/** A page of 100 subscriptions of the account, by topic. */
export const listSubscriptions: SnsOperation<"ListSubscriptions"> = async (input, { scope, platform }) => {
  const page = await listPage<SubscriptionValue>(platform.store, scope, "sns-subscription", input.NextToken);
  return { Subscriptions: page.records.map(summarize), ...page.next };
};

/** A page of 100 subscriptions of a topic. */
export const listSubscriptionsByTopic: SnsOperation<"ListSubscriptionsByTopic"> = async (
  input,
  { scope, platform },
) => {
  const topic = readTopicArn(scope, input.TopicArn);
  await readTopic(topic, platform.store);
  const { store } = platform;
  const page = await listPage<SubscriptionValue>(store, scope, "sns-subscription", input.NextToken, `${topic.name}/`);
  return { Subscriptions: page.records.map(summarize), ...page.next };
};

/** All that a subscription was given. */
export const getSubscriptionAttributes: SnsOperation<"GetSubscriptionAttributes"> = async (
  input,
  { scope, platform },
) => {
  const { id, ...topic } = readSubscriptionArn(scope, input.SubscriptionArn);
  const record = await platform.store.get<SubscriptionValue>(subscriptionKey(topic, id));
  if (record === undefined) throw notFound("Subscription");
  const { protocol, endpoint, attributes, authenticateOnUnsubscribe } = record.value;
  const ofTopic = (await platform.store.get<TopicValue>(topicKey(topic)))?.value.attributes["DeliveryPolicy"];
  return {
    Attributes: {
      ...attributes,
      ...{ SubscriptionArn: input.SubscriptionArn, TopicArn: topicArn(topic), Owner: scope.account },
      ...{ Protocol: protocol, Endpoint: shownEndpoint(endpoint), RawMessageDelivery: String(isRaw(attributes)) },
      PendingConfirmation: String(record.status !== "confirmed"),
      ConfirmationWasAuthenticated: String(authenticateOnUnsubscribe === true),
      EffectiveDeliveryPolicy: JSON.stringify({
        healthyRetryPolicy: effectivePolicy(ofTopic, attributes["DeliveryPolicy"]).retry,
      }),
    },
  };
};

/** Changes one attribute; an empty value takes it back. */
export const setSubscriptionAttributes: SnsOperation<"SetSubscriptionAttributes"> = async (
  input,
  { scope, platform },
) => {
  const { id, ...topic } = readSubscriptionArn(scope, input.SubscriptionArn);
  const { AttributeName: name, AttributeValue: text = "" } = input;
  if (name === "") throw invalidParameter("AttributeName");
  if (text !== "") checkSubscriptionAttribute(name, text);
  const key = subscriptionKey(topic, id);
  for (;;) {
    const record = await platform.store.get<SubscriptionValue>(key);
    if (record === undefined) throw notFound("Subscription");
    const { [name]: _before, ...others } = record.value.attributes;
    const value = { ...record.value, attributes: text === "" ? others : { ...others, [name]: text } };
    const { version, status } = record;
    try {
      await platform.store.write([{ op: "update", key, version, value, ...(status !== undefined && { status }) }]);
      return {};
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
};

function summarize(record: StoredRecord<SubscriptionValue>) {
  const topic = topicOfRecord(record);
  const id = record.name.slice(topic.name.length + 1);
  return {
    SubscriptionArn: record.status === "confirmed" ? subscriptionArn(topic, id) : "PendingConfirmation",
    Owner: record.account,
    Protocol: record.value.protocol,
    Endpoint: shownEndpoint(record.value.endpoint),
    TopicArn: topicArn(topic),
  };
}
