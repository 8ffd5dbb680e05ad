import { expect, test } from "vitest";
import { type ChannelHost, channelShare, onlyHost } from "./channel-share.ts";

type Source = Parameters<typeof channelShare>[0]["DataSource"]["S3DataSource"];

const sharded = { S3DataType: "S3Prefix", S3Uri: "s3://b/", S3DataDistributionType: "ShardedByS3Key" } as const;
const groups = [
  { InstanceGroupName: "head", InstanceType: "ml.m5.large", InstanceCount: 1 },
  { InstanceGroupName: "gpus", InstanceType: "ml.g5.xlarge", InstanceCount: 3 },
  { InstanceGroupName: "tail", InstanceType: "ml.m5.large", InstanceCount: 2 },
] as const;
const resources = { VolumeSizeInGB: 1, InstanceGroups: [...groups] };

test.for<[string, NonNullable<Source>, ChannelHost, object | undefined]>([
  ["one host has all", sharded, onlyHost, { index: 0, count: 1 }],
  [
    "replicas are whole",
    { ...sharded, S3DataDistributionType: "FullyReplicated" },
    { index: 2, count: 4 },
    { index: 0, count: 1 },
  ],
  ["shards are dealt over all hosts", sharded, { index: 2, count: 6, group: "gpus" }, { index: 2, count: 6 }],
  [
    "a group's hosts share alone",
    { ...sharded, InstanceGroupNames: ["gpus"] },
    { index: 2, count: 6, group: "gpus" },
    { index: 1, count: 3 },
  ],
  [
    "two groups share together",
    { ...sharded, InstanceGroupNames: ["tail", "head"] },
    { index: 5, count: 6, group: "tail" },
    { index: 2, count: 3 },
  ],
  [
    "another group sees nothing",
    { ...sharded, InstanceGroupNames: ["gpus"] },
    { index: 0, count: 6, group: "head" },
    undefined,
  ],
  [
    "nor of a replica",
    { S3DataType: "S3Prefix", S3Uri: "s3://b/", InstanceGroupNames: ["gpus"] },
    { index: 0, count: 6, group: "head" },
    undefined,
  ],
])("%s", ([, S3DataSource, host, expected]) => {
  expect(channelShare({ DataSource: { S3DataSource } }, { ResourceConfig: resources }, host)).toEqual(expected);
});
