import type { Signer } from "../signing/signer.ts";
import { isRaw } from "../subscription/subscription-attributes.ts";
import type { SubscriptionValue } from "../subscription/subscription-record.ts";
import { subscriptionArn, type TopicPlace, topicArn } from "../topic-name.ts";
import type { DeliveryValue } from "./delivery-record.ts";

/** What is put into a request to a subscriber. */
export interface EnvelopeParts {
  readonly topic: TopicPlace;
  readonly subscriptionId: string;
  readonly subscription: SubscriptionValue;
  readonly delivery: DeliveryValue;
  readonly signatureVersion: "1" | "2";
  readonly contentType: string | undefined;
  readonly signer: Signer;
}

/** Pages of ours for who has no credentials; see `snsPage`. */
export const pagePath = "/_sagebrush/sns";

/** The request's headers and body, in SNS's form. */
export function envelope(parts: EnvelopeParts): { headers: Record<string, string>; body: string } {
  const { topic, subscriptionId, subscription, delivery } = parts;
  const isNotification = delivery.kind === "notification";
  const raw = isNotification && isRaw(subscription.attributes);
  const headers = {
    "content-type": parts.contentType ?? "text/plain; charset=UTF-8",
    "user-agent": "Amazon Simple Notification Service Agent",
    "x-amz-sns-message-type": isNotification ? "Notification" : "SubscriptionConfirmation",
    "x-amz-sns-message-id": delivery.messageId,
    "x-amz-sns-topic-arn": topicArn(topic),
    ...(isNotification && { "x-amz-sns-subscription-arn": subscriptionArn(topic, subscriptionId) }),
    ...(raw && { "x-amz-sns-rawdelivery": "true" }),
  };
  if (raw) return { headers, body: delivery.message };
  const fields = isNotification ? notification(parts) : confirmation(parts);
  const { signatureVersion, signer } = parts;
  const signed = {
    ...fields,
    Timestamp: new Date(delivery.at).toISOString(),
    SignatureVersion: signatureVersion,
  };
  const { attributes } = delivery;
  const last = {
    Signature: signer.sign(textToSign(signed), signatureVersion),
    SigningCertURL: `${delivery.publicUrl}${pagePath}/${signer.certificateName}`,
    ...(isNotification && { UnsubscribeURL: unsubscribeUrl(parts) }),
    ...(attributes !== undefined && {
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map(([name, { type, value }]) => [name, { Type: type, Value: value }]),
      ),
    }),
  };
  return { headers, body: JSON.stringify({ ...signed, ...last }, null, 2) };
}

function notification({ topic, delivery: { messageId, subject, message } }: EnvelopeParts): Record<string, string> {
  return {
    ...{ Type: "Notification", MessageId: messageId, TopicArn: topicArn(topic) },
    ...(subject !== undefined && { Subject: subject }),
    Message: message,
  };
}

function confirmation({ topic, delivery }: EnvelopeParts): Record<string, string> {
  const arn = topicArn(topic);
  const token = delivery.token ?? "";
  const query = new URLSearchParams({ TopicArn: arn, Token: token });
  return {
    ...{ Type: "SubscriptionConfirmation", MessageId: delivery.messageId, Token: token, TopicArn: arn },
    Message: `You have chosen to subscribe to the topic ${arn}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`,
    SubscribeURL: `${delivery.publicUrl}${pagePath}/confirm?${query.toString()}`,
  };
}

function unsubscribeUrl({ topic, subscriptionId, delivery }: EnvelopeParts): string {
  const query = new URLSearchParams({ SubscriptionArn: subscriptionArn(topic, subscriptionId) });
  return `${delivery.publicUrl}${pagePath}/unsubscribe?${query.toString()}`;
}

/** Members that are signed, in their order: names and values, each on a line of its own. */
const signedMembers = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

function textToSign(fields: Readonly<Record<string, string>>): string {
  const present = signedMembers.filter((name) => fields[name] !== undefined);
  return present.map((name) => `${name}\n${fields[name]}\n`).join("");
}
