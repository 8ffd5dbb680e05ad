import { ServiceError } from "../../errors.ts";
import { WriteConflict } from "../../store/store.ts";
import { type TagsRecord, tagsKey } from "../sagemaker/tags/tags-record.ts";
import type { OperationContext } from "../service.ts";
import { resourceNotFound } from "./errors.ts";
import type { ScalingOperation } from "./operation.ts";

type Tags = Readonly<Record<string, string>>;

const mostTags = 50;

/** Adds tags to a scalable target or changes their values. @throws TooManyTagsException. */
export const tagResource: ScalingOperation<"TagResource"> = async (input, context) => {
  await change(context, input.ResourceARN, (old) => ({ ...old, ...input.Tags }));
  return {};
};

/** Takes tags off a scalable target; keys that it does not have are ignored. */
export const untagResource: ScalingOperation<"UntagResource"> = async (input, context) => {
  const dropped = new Set(input.TagKeys);
  await change(context, input.ResourceARN, (old) =>
    Object.fromEntries(Object.entries(old).filter(([key]) => !dropped.has(key))),
  );
  return {};
};

/** The tags of a scalable target. */
export const listTagsForResource: ScalingOperation<"ListTagsForResource"> = async (input, context) => {
  return { Tags: { ...(await read(context, input.ResourceARN)).value.tags } };
};

async function change(context: OperationContext, arn: string, next: (old: Tags) => Tags): Promise<void> {
  const record = await read(context, arn);
  const tags = next(record.value.tags);
  if (Object.keys(tags).length > mostTags) {
    const message = `Resource ${arn} would have more than ${mostTags} tags.`;
    throw new ServiceError("TooManyTagsException", message, { status: 400, members: { ResourceName: arn } });
  }
  const value: TagsRecord = { tags };
  try {
    await context.platform.store.write([
      { op: "update", key: tagsKey(context.scope, arn), version: record.version, value },
    ]);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    await change(context, arn, next);
  }
}

/** Tags of other services' resources are none of this one's business. */
async function read({ scope, platform }: OperationContext, arn: string) {
  const isOurs = arn.startsWith(`arn:${scope.partition}:application-autoscaling:`);
  const record = isOurs ? await platform.store.get<TagsRecord>(tagsKey(scope, arn)) : undefined;
  if (record === undefined) throw resourceNotFound(arn);
  return record;
}
