import type { NetworkPolicy } from "../../network-policy.ts";
import type { Service } from "../service.ts";
import type { SnsOperationTable } from "./operation.ts";
import { publish, publishBatch } from "./publish/publish.ts";
import { confirmSubscription } from "./subscription/confirm.ts";
import {
  getSubscriptionAttributes,
  listSubscriptions,
  listSubscriptionsByTopic,
  setSubscriptionAttributes,
  unsubscribe,
} from "./subscription/operations.ts";
import { subscribe } from "./subscription/subscribe.ts";
import { createTopic, deleteTopic, getTopicAttributes, listTopics, setTopicAttributes } from "./topic/operations.ts";
import { listTagsForResource, tagResource, untagResource } from "./topic/tags.ts";

/** SNS, as far as notifications by HTTP need it. @param policy - Where messages may go. */
export function snsService(policy: NetworkPolicy): Service {
  return {
    name: "sns",
    signingNames: ["sns"],
    protocol: "query",
    apiVersion: "2010-03-31",
    operations: {
      ConfirmSubscription: confirmSubscription,
      CreateTopic: createTopic,
      DeleteTopic: deleteTopic,
      GetSubscriptionAttributes: getSubscriptionAttributes,
      GetTopicAttributes: getTopicAttributes,
      ListSubscriptions: listSubscriptions,
      ListSubscriptionsByTopic: listSubscriptionsByTopic,
      ListTagsForResource: listTagsForResource,
      ListTopics: listTopics,
      Publish: publish,
      PublishBatch: publishBatch,
      SetSubscriptionAttributes: setSubscriptionAttributes,
      SetTopicAttributes: setTopicAttributes,
      Subscribe: subscribe(policy),
      TagResource: tagResource,
      Unsubscribe: unsubscribe,
      UntagResource: untagResource,
    } satisfies SnsOperationTable,
  };
}
