import { afterAll, beforeAll, expect, test } from "vitest";
import { TransformServer } from "./testkit/transform-server.ts";

let world: TransformServer;
beforeAll(async () => {
  world = await TransformServer.start({ masterKey: "5a".repeat(32) });
  await world.put({ "in/a": "1\n" });
});
afterAll(() => world.close());

test("outputs and captured data are stored under the job's keys", async () => {
  const job = await world.transform({
    TransformJobName: "sealed",
    TransformOutput: { S3OutputPath: "s3://data/out", KmsKeyId: "alias/outputs" },
    DataCaptureConfig: { DestinationS3Uri: "s3://data/captured", KmsKeyId: "alias/captured" },
  });
  expect(job).toMatchObject({ TransformJobStatus: "Completed", TransformOutput: { KmsKeyId: "alias/outputs" } });
  const { objects } = world.server.platform;
  expect(await objects.head("data", "out/a.out")).toMatchObject({ isEncrypted: true });
  expect(await world.objects("out/")).toEqual({ "out/a.out": "1\n" });
  for await (const entry of objects.list("data", "captured/")) expect(entry).toMatchObject({ isEncrypted: true });
  expect(Object.keys(await world.objects("captured/"))).toHaveLength(2);
});

test("a key of another account is refused by its member's name", async () => {
  const other = "arn:aws:kms:eu-west-1:999999999999:key/1234abcd-12ab-34cd-56ef-1234567890ab";
  await expect(
    world.create({ TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeKmsKeyId: other } }),
  ).rejects.toMatchObject({ name: "ValidationException", message: /^TransformResources\.VolumeKmsKeyId: / });
});
