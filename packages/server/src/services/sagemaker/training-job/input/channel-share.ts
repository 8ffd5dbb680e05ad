import type { InputChannel } from "../input-data.ts";
import type { TrainingJobSpec } from "../training-job.ts";

/** One of the hosts that a job runs on, counted over all instance groups in the request's order. */
export interface ChannelHost {
  /** From 0: `algo-1` is 0. */
  readonly index: number;
  readonly count: number;
  /** The instance group it belongs to, where the job has groups. */
  readonly group?: string;
}

/** The host of a job that has one. */
export const onlyHost: ChannelHost = { index: 0, count: 1 };

/** Which part of a channel a host gets: every `count`th unit from `index` on. */
export interface Share {
  readonly index: number;
  readonly count: number;
}

/** All of it. */
export const wholeShare: Share = { index: 0, count: 1 };

/**
 * What a host gets of a channel. ShardedByS3Key deals among the hosts that see the channel, which InstanceGroupNames may
 * narrow. @returns `undefined` when the channel is not for this host's group.
 */
export function channelShare(
  { DataSource }: Pick<InputChannel, "DataSource">,
  { ResourceConfig: resources }: Pick<TrainingJobSpec, "ResourceConfig">,
  host: ChannelHost,
): Share | undefined {
  const { InstanceGroupNames: names = [], S3DataDistributionType } = DataSource.S3DataSource ?? {};
  const among = names.length === 0 ? host : placeInGroups(resources?.InstanceGroups ?? [], names, host);
  if (among === undefined || S3DataDistributionType !== "ShardedByS3Key") return among && wholeShare;
  return { index: among.index, count: among.count };
}

type InstanceGroups = NonNullable<NonNullable<TrainingJobSpec["ResourceConfig"]>["InstanceGroups"]>;

/** A host's number among the hosts of some groups. */
function placeInGroups(groups: InstanceGroups, names: readonly string[], host: ChannelHost): Share | undefined {
  if (host.group === undefined || !names.includes(host.group)) return undefined;
  let before = 0;
  let index = 0;
  let count = 0;
  for (const { InstanceGroupName, InstanceCount = 0 } of groups) {
    if (InstanceGroupName === host.group) index = count + host.index - before;
    before += InstanceCount;
    if (names.includes(InstanceGroupName as string)) count += InstanceCount;
  }
  return { index, count };
}
