import { ServiceError } from "../../../errors.ts";
import { batchError, invalidParameter } from "../errors.ts";
import type { SnsOperation } from "../operation.ts";
import { readTopic } from "../topic/read-topic.ts";
import { readTopicArn } from "../topic-name.ts";
import { maxMessageBytes, readPublication, sizeOf } from "./publication.ts";
import { publishToTopic } from "./publish-to-topic.ts";

const maxEntries = 10;

/** Sends a message to everyone who subscribes to a topic. */
export const publish: SnsOperation<"Publish"> = async (input, { scope, platform, publicUrl }) => {
  if (input.PhoneNumber !== undefined)
    throw invalidParameter("PhoneNumber Reason: text messages are not supported by this version");
  if ((input.TopicArn === undefined) === (input.TargetArn === undefined)) {
    throw invalidParameter("TopicArn or TargetArn Reason: exactly one of them must be given");
  }
  const topic = readTopicArn(scope, input.TopicArn ?? input.TargetArn);
  return { MessageId: await publishToTopic(platform, topic, readPublication(input), publicUrl) };
};

/** The same for up to ten messages; each is taken or refused by itself. */
export const publishBatch: SnsOperation<"PublishBatch"> = async (input, { scope, platform, publicUrl }) => {
  const topic = readTopicArn(scope, input.TopicArn);
  const entries = input.PublishBatchRequestEntries;
  if (entries.length === 0) throw batchError("EmptyBatchRequest", "The batch request doesn't contain any entries.");
  if (entries.length > maxEntries) {
    throw batchError(
      "TooManyEntriesInBatchRequest",
      "The batch request contains more entries than permissible (more than 10).",
    );
  }
  if (new Set(entries.map(({ Id }) => Id)).size < entries.length) {
    throw batchError("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.");
  }
  if (entries.some(({ Id }) => !/^[\w-]{1,80}$/u.test(Id))) {
    throw batchError(
      "InvalidBatchEntryId",
      "The Id of a batch entry in a batch request doesn't abide by the specification.",
    );
  }
  if (entries.reduce((sum, { Message }) => sum + sizeOf(Message), 0) > maxMessageBytes) {
    throw batchError(
      "BatchRequestTooLong",
      "The length of all the batch messages put together is more than the limit.",
    );
  }
  await readTopic(topic, platform.store);
  const Successful: { Id: string; MessageId: string }[] = [];
  const Failed: { Id: string; Code: string; Message: string; SenderFault: boolean }[] = [];
  for (const entry of entries) {
    try {
      const MessageId = await publishToTopic(platform, topic, readPublication(entry), publicUrl);
      Successful.push({ Id: entry.Id, MessageId });
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      const Code = error.code.replace(/Exception$/u, "");
      Failed.push({ Id: entry.Id, Code, Message: error.message, SenderFault: error.status < 500 });
    }
  }
  return { Successful, Failed };
};
