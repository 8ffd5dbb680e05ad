import { randomBytes, randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { ServiceError } from "../../../errors.ts";
import type { NetworkPolicy } from "../../../network-policy.ts";
import { type Write, WriteConflict } from "../../../store/store.ts";
import { deliveryWrite } from "../delivery/delivery-record.ts";
import { invalidParameter } from "../errors.ts";
import type { SnsOperation } from "../operation.ts";
import { readTopic } from "../topic/read-topic.ts";
import { readTopicArn, subscriptionArn, subscriptionKey, topicKey } from "../topic-name.ts";
import { checkEndpoint } from "./endpoint.ts";
import { checkSubscriptionAttributes } from "./subscription-attributes.ts";
import type { SubscriptionValue } from "./subscription-record.ts";
import { maxSubscriptions, pendingMs, subscriptionsOf } from "./subscriptions-of.ts";

/** What callers see in place of the ARN of a subscription that is not confirmed. */
const pendingArn = "pending confirmation";

/**
 * Asks an endpoint whether it wants a topic's messages; it gets none before it has said so. For an endpoint that has
 * already confirmed nothing changes; one that has not yet is asked again.
 */
export function subscribe(policy: NetworkPolicy): SnsOperation<"Subscribe"> {
  return async (input, context) => {
    const { scope, platform, publicUrl } = context;
    const topic = readTopicArn(scope, input.TopicArn);
    const { Protocol: protocol, Endpoint: endpoint } = input;
    checkEndpoint(protocol, endpoint, policy);
    const attributes = input.Attributes ?? {};
    checkSubscriptionAttributes(attributes);
    const { store, clock } = platform;
    for (;;) {
      const { version, value: topicValue } = await readTopic(topic, store);
      const all = await subscriptionsOf(store, topic);
      const mine = all.find(({ record }) => record.value.endpoint === endpoint);
      if (mine?.isConfirmed) {
        if (input.Attributes !== undefined && !isDeepStrictEqual(mine.record.value.attributes, attributes)) {
          throw invalidParameter("Attributes Reason: Subscription already exists with different attributes");
        }
        return { SubscriptionArn: subscriptionArn(topic, mine.id) };
      }
      const now = clock.now();
      const isForgotten = (each: (typeof all)[number]) =>
        !each.isConfirmed && each !== mine && each.record.modifiedAt < now - pendingMs;
      const forgotten = all.filter(isForgotten);
      if (mine === undefined && all.length - forgotten.length >= maxSubscriptions) throw tooMany();
      const id = mine?.id ?? randomUUID();
      const token = id.replaceAll("-", "") + randomBytes(32).toString("hex");
      const value: SubscriptionValue = { protocol, endpoint, token, attributes } as SubscriptionValue;
      const key = subscriptionKey(topic, id);
      const asking = { ...{ kind: "confirmation" as const, messageId: randomUUID(), token }, message: "", publicUrl };
      const writes: Write[] = [
        // Two calls at once would otherwise make two subscriptions of one endpoint.
        { op: "update", key: topicKey(topic), version, value: topicValue },
        ...forgotten.map(
          (each): Write => ({ op: "delete", key: subscriptionKey(topic, each.id), version: each.record.version }),
        ),
        mine === undefined
          ? { op: "create", key, value, status: "pending" }
          : { op: "update", key, version: mine.record.version, value, status: "pending" },
        deliveryWrite(topic, id, asking, now),
      ];
      try {
        await store.write(writes);
      } catch (error) {
        if (!(error instanceof WriteConflict)) throw error;
        continue;
      }
      return { SubscriptionArn: input.ReturnSubscriptionArn === true ? subscriptionArn(topic, id) : pendingArn };
    }
  };
}

function tooMany(): ServiceError {
  const message = `A topic may have at most ${maxSubscriptions} subscriptions.`;
  return new ServiceError("SubscriptionLimitExceededException", message, { status: 403 });
}
