import { timingSafeEqual } from "node:crypto";
import type { Clock } from "../../../clock.ts";
import { type Store, WriteConflict } from "../../../store/store.ts";
import { invalidParameter } from "../errors.ts";
import type { SnsOperation } from "../operation.ts";
import { readTopic } from "../topic/read-topic.ts";
import { readTopicArn, subscriptionArn, subscriptionKey, type TopicPlace } from "../topic-name.ts";
import type { SubscriptionValue } from "./subscription-record.ts";
import { pendingMs } from "./subscriptions-of.ts";

/** What an endpoint gives back to confirm. */
export interface Confirmation {
  readonly token: string;
  /** From then on only callers with credentials may end the subscription. */
  readonly authenticateOnUnsubscribe?: boolean;
}

const tokenForm = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})[0-9a-f]{64}$/u;

/** Confirms that an endpoint wants a topic's messages. */
export const confirmSubscription: SnsOperation<"ConfirmSubscription"> = async (input, { scope, platform }) => {
  const topic = readTopicArn(scope, input.TopicArn);
  const authenticateOnUnsubscribe = input.AuthenticateOnUnsubscribe?.toLowerCase() === "true";
  const arn = await confirm(platform, topic, { token: input.Token, authenticateOnUnsubscribe });
  return { SubscriptionArn: arn };
};

/**
 * Confirms with the token that the endpoint was sent, whoever calls: knowing it is the proof.
 * @returns The subscription's ARN, also when it was confirmed before.
 * @throws ServiceError InvalidParameter, NotFound.
 */
export async function confirm(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  topic: TopicPlace,
  { token, authenticateOnUnsubscribe = false }: Confirmation,
): Promise<string> {
  await readTopic(topic, store);
  const match = tokenForm.exec(token);
  if (match === null) throw invalidParameter("Token");
  const id = match.slice(1, 6).join("-");
  const key = subscriptionKey(topic, id);
  for (;;) {
    const record = await store.get<SubscriptionValue>(key);
    if (record === undefined) throw invalidParameter("Token");
    if (!timingSafeEqual(Buffer.from(record.value.token), Buffer.from(token))) throw invalidParameter("Token");
    if (record.status === "confirmed") return subscriptionArn(topic, id);
    if (record.modifiedAt < clock.now() - pendingMs) throw invalidParameter("Token Reason: it has expired");
    const value: SubscriptionValue = {
      ...record.value,
      ...(authenticateOnUnsubscribe && { authenticateOnUnsubscribe }),
    };
    try {
      await store.write([{ op: "update", key, version: record.version, value, status: "confirmed" }]);
      return subscriptionArn(topic, id);
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error;
    }
  }
}
