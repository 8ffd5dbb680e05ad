import { isDeepStrictEqual } from "node:util";
import { type Store, type Write, WriteConflict } from "../../../store/store.ts";
import { effectivePolicy } from "../delivery/retry-policy.ts";
import { invalidParameter } from "../errors.ts";
import { listPage } from "../list-page.ts";
import type { SnsOperation } from "../operation.ts";
import { subscriptionsOf } from "../subscription/subscriptions-of.ts";
import { readTopicArn, subscriptionKey, type TopicPlace, topicArn, topicKey } from "../topic-name.ts";
import { checkTags } from "./check-tags.ts";
import { changeTopic, readTopic } from "./read-topic.ts";
import { checkTopicAttribute, checkTopicAttributes } from "./topic-attributes.ts";
import type { TopicValue } from "./topic-record.ts";

const nameForm = /^[A-Za-z0-9_-]{1,256}$/u;

/** Makes a topic, or finds the one of that name: the same call twice gives the same topic. */
export const createTopic: SnsOperation<"CreateTopic"> = async (input, { scope, platform }) => {
  if (!nameForm.test(input.Name)) throw invalidParameter("Topic Name");
  if (input.DataProtectionPolicy)
    throw invalidParameter("DataProtectionPolicy Reason: it is not supported by this version");
  const attributes = input.Attributes ?? {};
  checkTopicAttributes(attributes);
  const tags = checkTags(input.Tags ?? []);
  const topic = { scope, name: input.Name };
  const value: TopicValue = { attributes, tags };
  const there = await createOrRead(platform.store, topic, value);
  if (there !== value) {
    const differs = (name: string) => there.attributes[name] !== attributes[name];
    if (Object.keys(attributes).some(differs))
      throw invalidParameter("Attributes Reason: Topic already exists with different attributes");
    if (input.Tags !== undefined && !isDeepStrictEqual(there.tags, tags)) {
      throw invalidParameter("Tags Reason: Topic already exists with different tags");
    }
  }
  return { TopicArn: topicArn(topic) };
};

/** Makes the topic. @returns `value` itself, or what the topic of that name has. */
async function createOrRead(store: Store, topic: TopicPlace, value: TopicValue): Promise<TopicValue> {
  for (;;) {
    try {
      await store.write([{ op: "create", key: topicKey(topic), value }]);
      return value;
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
    }
    const there = await store.get<TopicValue>(topicKey(topic));
    if (there !== undefined) return there.value;
  }
}

/** Deletes a topic with its subscriptions. What was published to it before and not delivered yet goes as well. */
export const deleteTopic: SnsOperation<"DeleteTopic"> = async (input, { scope, platform }) => {
  const topic = readTopicArn(scope, input.TopicArn);
  const { store } = platform;
  while ((await store.get(topicKey(topic))) !== undefined) {
    const subscriptions = await subscriptionsOf(store, topic);
    const keys = [topicKey(topic), ...subscriptions.map(({ id }) => subscriptionKey(topic, id))];
    try {
      await store.write(keys.map((key): Write => ({ op: "delete", key })));
    } catch (error) {
      // A subscription came or went meanwhile, or another caller was faster.
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
  return {};
};

/** A page of 100 topics, by name. */
export const listTopics: SnsOperation<"ListTopics"> = async (input, { scope, platform }) => {
  const page = await listPage<TopicValue>(platform.store, scope, "sns-topic", input.NextToken);
  return { Topics: page.records.map(({ name }) => ({ TopicArn: topicArn({ scope, name }) })), ...page.next };
};

/** All that a topic was given, with the defaults of what it was not, and how many subscribe to it. */
export const getTopicAttributes: SnsOperation<"GetTopicAttributes"> = async (input, { scope, platform }) => {
  const topic = readTopicArn(scope, input.TopicArn);
  const { value } = await readTopic(topic, platform.store);
  const subscriptions = await subscriptionsOf(platform.store, topic);
  const pending = subscriptions.filter(({ isConfirmed }) => !isConfirmed).length;
  return {
    Attributes: {
      ...{ DisplayName: "", Policy: defaultPolicy(topic), ...value.attributes },
      ...{ TopicArn: topicArn(topic), Owner: scope.account, SubscriptionsPending: String(pending) },
      ...{ SubscriptionsConfirmed: String(subscriptions.length - pending), SubscriptionsDeleted: "0" },
      EffectiveDeliveryPolicy: JSON.stringify({
        http: { defaultHealthyRetryPolicy: effectivePolicy(value.attributes["DeliveryPolicy"], undefined).retry },
      }),
    },
  };
};

/** Changes one attribute; an empty value takes it back. */
export const setTopicAttributes: SnsOperation<"SetTopicAttributes"> = async (input, { scope, platform }) => {
  const topic = readTopicArn(scope, input.TopicArn);
  const { AttributeName: name, AttributeValue: text = "" } = input;
  if (name === "FifoTopic") throw invalidParameter("AttributeName Reason: FifoTopic cannot be changed");
  if (text !== "") checkTopicAttribute(name, text);
  await changeTopic(topic, platform.store, (value) => {
    const { [name]: _before, ...others } = value.attributes;
    return { ...value, attributes: text === "" ? others : { ...others, [name]: text } };
  });
  return {};
};

/** What SNS shows of a topic that was given no policy: its account may do everything. */
function defaultPolicy(topic: TopicPlace): string {
  const Action = ["Publish", "Subscribe", "GetTopicAttributes", "SetTopicAttributes", "DeleteTopic"].map(
    (each) => `SNS:${each}`,
  );
  return JSON.stringify({
    Version: "2008-10-17",
    Id: "__default_policy_ID",
    Statement: [
      {
        ...{
          Sid: "__default_statement_ID",
          Effect: "Allow",
          Principal: { AWS: "*" },
          Action,
          Resource: topicArn(topic),
        },
        Condition: { StringEquals: { "AWS:SourceOwner": topic.scope.account } },
      },
    ],
  });
}
