import { CreateTrainingJobCommand, type CreateTrainingJobCommandInput } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type JobServer, startJobServer, trainingJob } from "../testkit/job-server.ts";

let world: JobServer;
beforeAll(async () => {
  world = await startJobServer();
});
afterAll(() => world.close());

type Channel = NonNullable<CreateTrainingJobCommandInput["InputDataConfig"]>[number];
type Source = NonNullable<NonNullable<Channel["DataSource"]>["S3DataSource"]>;

/** A channel `train` over `s3://data/train/`, with changes. */
function channel(changes: Partial<Channel> = {}, source: Partial<Source> = {}): Channel {
  const s3: Source = { S3DataType: "S3Prefix", S3Uri: "s3://data/train/", ...source };
  return { ChannelName: "train", DataSource: { S3DataSource: s3 }, ...changes };
}

const create = (...channels: Channel[]) =>
  world.sagemaker.send(new CreateTrainingJobCommand(trainingJob({ InputDataConfig: channels })));

const fastFile = { InputMode: "FastFile" } as const;
const pipe = { InputMode: "Pipe" } as const;
const augmented = { S3DataType: "AugmentedManifestFile" } as const;

describe("CreateTrainingJob refuses a channel", () => {
  test.for<[string, Channel[], string]>([
    ["of a name that is taken", [channel(), channel()], "Duplicate channel name: train"],
    ["whose name is no folder's", [channel({ ChannelName: ".." })], "this name cannot be a folder's"],
    [
      "compressed, in File mode",
      [channel({ CompressionType: "Gzip" })],
      "CompressionType Gzip is not allowed with input mode File",
    ],
    [
      "wrapped, in File mode",
      [channel({ RecordWrapperType: "RecordIO" })],
      "RecordWrapperType RecordIO is not allowed with input mode File",
    ],
    [
      "compressed, in FastFile mode",
      [channel({ ...fastFile, CompressionType: "Gzip" })],
      "not allowed with input mode FastFile",
    ],
    [
      "of a manifest, in FastFile mode",
      [channel(fastFile, { S3DataType: "ManifestFile" })],
      "S3DataType ManifestFile is not allowed with input mode FastFile",
    ],
    [
      "of an augmented manifest, in File mode",
      [channel({}, { ...augmented, AttributeNames: ["a"] })],
      "only allowed with input mode Pipe",
    ],
    [
      "of a dataset of conversations",
      [channel({}, { S3DataType: "Converse" })],
      "S3DataType Converse is not supported",
    ],
    [
      "with attributes but no manifest",
      [channel({}, { AttributeNames: ["a"] })],
      "AttributeNames is only allowed with S3DataType AugmentedManifestFile",
    ],
    [
      "for a group that is not there",
      [channel({}, { InstanceGroupNames: ["gpus"] })],
      'InstanceGroupNames has "gpus", which is no instance group of ResourceConfig: the job has none',
    ],
    ["without a source", [channel({ DataSource: {} })], "DataSource needs S3DataSource or FileSystemDataSource"],
    ["whose URI is none", [channel({}, { S3Uri: "https://x/y" })], "https://x/y"],
    [
      "under whose prefix nothing lies",
      [channel({}, { S3Uri: "s3://data/nothing" })],
      'No S3 objects found under S3 URL "s3://data/nothing"',
    ],
    [
      "in a bucket that is not there",
      [channel({}, { S3Uri: "s3://no-such-bucket/x" })],
      'No S3 objects found under S3 URL "s3://no-such-bucket/x"',
    ],
    [
      "of a part of a folder's name, in FastFile mode",
      [channel(fastFile, { S3Uri: "s3://data/tra" })],
      'No S3 objects found under S3 URL "s3://data/tra/"',
    ],
    [
      "of a manifest that is not there",
      [channel({}, { S3DataType: "ManifestFile", S3Uri: "s3://data/none" })],
      'No S3 objects found under S3 URL "s3://data/none"',
    ],
  ])("%s", async ([, channels, message]) => {
    await expect(create(...channels)).rejects.toThrow(message);
  });

  // Limits of the service's model, which the gateway's table knows.
  test.for<[string, Channel[], string]>([
    ["21 of them", Array.from({ length: 21 }, (_, i) => channel({ ChannelName: `c${i}` })), "inputDataConfig"],
    ["none of them", [], "inputDataConfig"],
    ["a name with a blank", [channel({ ChannelName: "a b" })], "channelName"],
    ["a name of 65 characters", [channel({ ChannelName: "a".repeat(65) })], "channelName"],
    ["a content type of 257", [channel({ ContentType: "a".repeat(257) })], "contentType"],
    [
      "17 attributes",
      [channel(pipe, { ...augmented, AttributeNames: Array.from({ length: 17 }, (_, i) => `a${i}`) })],
      "attributeNames",
    ],
    ["6 instance groups", [channel({}, { InstanceGroupNames: ["a", "b", "c", "d", "e", "f"] })], "instanceGroupNames"],
    ["a URI of 1,025 characters", [channel({}, { S3Uri: `s3://data/${"x".repeat(1015)}` })], "s3Uri"],
  ])("with %s", async ([, channels, member]) => {
    await expect(create(...channels)).rejects.toThrow(new RegExp(`${member}' failed to satisfy constraint`));
  });
});

test("a FastFile channel takes a folder's name without its slash, and none of its namesakes", async () => {
  const { objects } = world.server.platform;
  for (const key of ["cats/1.txt", "cats-and-dogs/2.txt", "cats.txt"]) {
    await objects.put(
      "data",
      key,
      (async function* () {
        yield Buffer.from("x");
      })(),
    );
  }
  let seen: unknown;
  world.engine.algorithm = ({ id, spec }, engine) => {
    seen = spec.channels.map(({ readOnly, files }) => ({ readOnly, files: files.map(({ path }) => path) }));
    engine.exit(id, 0);
  };
  const name = await world.create({ InputDataConfig: [channel(fastFile, { S3Uri: "s3://data/cats" })] });
  await world.until(name, "Completed", "Failed");
  expect(seen).toEqual([{ readOnly: true, files: ["1.txt"] }]);
});
