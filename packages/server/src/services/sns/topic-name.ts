import { partitionOf, type Scope } from "../../scope.ts";
import type { RecordKey } from "../../store/store.ts";
import { invalidParameter, notFound } from "./errors.ts";

/** Where a topic is. */
export interface TopicPlace {
  readonly scope: Scope;
  readonly name: string;
}

/** Where a subscription is. */
export interface SubscriptionPlace extends TopicPlace {
  readonly id: string;
}

const arnForm = /^arn:aws[a-z-]*:sns:([a-z0-9-]+):(\d{12}):([A-Za-z0-9_-]{1,256})(?::([0-9a-f-]{36}))?$/u;

/** The ARN of a topic. */
export function topicArn({ scope, name }: TopicPlace): string {
  return `arn:${scope.partition}:sns:${scope.region}:${scope.account}:${name}`;
}

/** The ARN of a subscription to a topic. */
export function subscriptionArn(topic: TopicPlace, id: string): string {
  return `${topicArn(topic)}:${id}`;
}

/** Takes the ARN of a topic apart. @returns `undefined` for other texts. */
export function parseTopicArn(arn: string): TopicPlace | undefined {
  const parsed = parseArn(arn);
  return parsed?.id === undefined ? parsed : undefined;
}

/** Takes the ARN of a subscription apart. @returns `undefined` for other texts. */
export function parseSubscriptionArn(arn: string): SubscriptionPlace | undefined {
  const { id, ...topic } = parseArn(arn) ?? {};
  return id === undefined ? undefined : { ...(topic as TopicPlace), id };
}

function parseArn(arn: string): (TopicPlace & { readonly id?: string }) | undefined {
  const match = arnForm.exec(arn);
  if (match === null) return undefined;
  const [, region = "", account = "", name = "", id] = match;
  return { scope: { partition: partitionOf(region), account, region }, name, ...(id !== undefined && { id }) };
}

/**
 * The caller's topic of an ARN.
 * @throws ServiceError InvalidParameter for what is no topic's ARN, NotFound for a topic of another account or region.
 */
export function readTopicArn(caller: Scope, arn: string | undefined, member = "TopicArn"): TopicPlace {
  const topic = parseTopicArn(arn ?? "");
  if (topic === undefined) throw invalidParameter(member);
  if (topic.scope.account !== caller.account || topic.scope.region !== caller.region) throw notFound("Topic");
  return topic;
}

/**
 * The caller's subscription of an ARN.
 * @throws ServiceError as `readTopicArn`.
 */
export function readSubscriptionArn(caller: Scope, arn: string): SubscriptionPlace {
  const subscription = parseSubscriptionArn(arn);
  if (subscription === undefined) {
    throw invalidParameter("SubscriptionArn Reason: it is not the ARN of a subscription");
  }
  const { scope } = subscription;
  if (scope.account !== caller.account || scope.region !== caller.region) throw notFound("Subscription");
  return subscription;
}

/** Where a topic is recorded. */
export function topicKey({ scope, name }: TopicPlace): RecordKey {
  return { account: scope.account, region: scope.region, kind: "sns-topic", name };
}

/** Where a subscription is recorded: those of a topic side by side. */
export function subscriptionKey({ scope, name }: TopicPlace, id: string): RecordKey {
  return { account: scope.account, region: scope.region, kind: "sns-subscription", name: `${name}/${id}` };
}

/** The topic of a subscription's or a delivery's record. */
export function topicOfRecord({ account, region, name }: RecordKey): TopicPlace {
  return { scope: { partition: partitionOf(region), account, region }, name: name.slice(0, name.indexOf("/")) };
}
