import { CreateTrainingJobCommand, SageMakerClient } from "@aws-sdk/client-sagemaker";
import { afterEach, expect, test } from "vitest";
import type { CapacitySettings } from "../../../capacity/capacity.ts";
import { startTestServer, type TestServer } from "../../../gateway/testkit.ts";
import { sagemakerService } from "../index.ts";
import { bytes, trainingJob } from "./testkit/job-server.ts";

let server: TestServer | undefined;
afterEach(() => server?.close());

/** A server whose jobs stay in progress: nothing drives them. */
async function requests(capacity: CapacitySettings) {
  server = await startTestServer({ services: [sagemakerService], configuration: { capacity } });
  const { objects } = server.platform;
  await objects.buckets.create("data", { owner: "111122223333", region: "us-west-2", settings: {} });
  await objects.put("data", "train/a.csv", bytes("1,2\n"));
  const client = new SageMakerClient({ ...server.client, maxAttempts: 1 });
  return (type: "ml.m5.large" | "ml.p4d.24xlarge", count = 1) => {
    const ResourceConfig = { InstanceType: type, InstanceCount: count, VolumeSizeInGB: 1 };
    return client.send(new CreateTrainingJobCommand(trainingJob({ ResourceConfig })));
  };
}

test("of requests that come at once, no more are accepted than the quota allows", async () => {
  const create = await requests({ mode: "shared", quotas: [{ name: "ml.m5.large", limit: 3 }] });
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => create("ml.m5.large")));
  const refused = results.filter((result) => result.status === "rejected");
  expect(refused).toHaveLength(5);
  expect(refused[0]?.reason).toMatchObject({
    name: "ResourceLimitExceeded",
    message:
      "The account-level service limit 'ml.m5.large for training job usage' is 3 Instances, with current utilization of 3 Instances and a request delta of 1 Instances. Whoever runs this server can raise it (setting quota).",
  });
  await expect(create("ml.p4d.24xlarge")).resolves.toBeDefined();
});

test("jobs in progress have a quota of their own, and a quota of none refuses a type", async () => {
  const create = await requests({
    mode: "shared",
    quotas: [
      { name: "training-jobs", limit: 2 },
      { name: "ml.p4d.24xlarge", limit: 0 },
    ],
  });
  await expect(create("ml.p4d.24xlarge")).rejects.toThrow("'ml.p4d.24xlarge for training job usage' is 0 Instances");
  await create("ml.m5.large", 5);
  await create("ml.m5.large");
  await expect(create("ml.m5.large")).rejects.toThrow("'Training jobs in progress' is 2 Jobs");
});

test("strict capacity refuses at once what this machine can never give", async () => {
  const create = await requests({ mode: "strict", quotas: [] });
  await expect(create("ml.p4d.24xlarge")).rejects.toThrow(
    /^ml\.p4d\.24xlarge has 96 vCPU and 1152 GiB; this machine has/,
  );
  await expect(create("ml.m5.large", 64)).rejects.toThrow(/^The job's instances have 128 vCPU and 512 GiB together/);
});
