import { ServiceError, validationException } from "../../../errors.ts";
import type { AsyncSettings } from "../../../serving/asynchronous/async-settings.ts";
import { testMessage } from "../../../serving/asynchronous/notification.ts";
import type { Fleet } from "../../../serving/fleet.ts";
import type { OperationContext, OperationPlace } from "../../service.ts";
import { publishToTopic } from "../../sns/publish/publish-to-topic.ts";
import { readTopic } from "../../sns/topic/read-topic.ts";
import { readTopicArn } from "../../sns/topic-name.ts";

/**
 * Topics that are not there would be noticed with the first answer only.
 * @throws ValidationException naming the topic.
 */
export async function checkTopics({ asynchronous }: Fleet, { scope, platform }: OperationPlace): Promise<void> {
  for (const [member, arn] of topicsOf(asynchronous)) {
    try {
      await readTopic(readTopicArn(scope, arn), platform.store);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      throw validationException(`NotificationConfig.${member}: ${arn}: ${error.message}.`);
    }
  }
}

/** Tells the topics of an endpoint that it begins to use them, as SageMaker does. */
export async function sendTestNotifications(
  { asynchronous }: Fleet,
  { scope, platform, publicUrl }: Pick<OperationContext, "scope" | "platform" | "publicUrl">,
): Promise<void> {
  for (const arn of new Set(topicsOf(asynchronous).map(([, topic]) => topic))) {
    try {
      await publishToTopic(platform, readTopicArn(scope, arn), { message: testMessage }, publicUrl);
    } catch (error) {
      // Deleted since it was checked: what is asked for has been written, and answers say so again.
      if (!(error instanceof ServiceError)) throw error;
      platform.log.warn("a topic was not told of its endpoint", { topic: arn, reason: error.message });
    }
  }
}

function topicsOf(settings: AsyncSettings | undefined): (readonly [member: string, arn: string])[] {
  const { successTopic, errorTopic } = settings ?? {};
  return [
    ...(successTopic === undefined ? [] : [["SuccessTopic", successTopic] as const]),
    ...(errorTopic === undefined ? [] : [["ErrorTopic", errorTopic] as const]),
  ];
}
