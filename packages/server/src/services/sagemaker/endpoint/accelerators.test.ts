import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DescribeEndpointCommand,
  type ProductionVariant,
  UpdateEndpointWeightsAndCapacitiesCommand,
} from "@aws-sdk/client-sagemaker";
import { afterEach, expect, test, vi } from "vitest";
import { type CapacitySettings, defaultCapacity } from "../../../capacity/capacity.ts";
import { hostGpus } from "../../../gpus/nvidia.ts";
import { type ServingServer, startServingServer } from "../../../serving/testkit/serving-server.ts";

let server: ServingServer;
afterEach(() => server.close());

const held = "and it gives no less than a type's size (setting capacity: strict).";

test.skipIf(hostGpus().all.length > 0).for<[string, Partial<ProductionVariant>, string]>([
  [
    "an accelerator",
    { InstanceType: "ml.t2.medium", AcceleratorType: "ml.eia2.medium" },
    `ml.eia2.medium is an accelerator; none is set up here, ${held}`,
  ],
  ["a type with GPUs", { InstanceType: "ml.p2.xlarge" }, `ml.p2.xlarge has`],
])("%s is refused on a host without, where types are held to their size", async ([, variant, message]) => {
  await open({ ...defaultCapacity, mode: "strict" });
  await configure("sized", variant);
  await expect(create("sized")).rejects.toMatchObject({
    name: "ResourceLimitExceeded",
    message: expect.stringContaining(message),
  });
  expect(server.engine.runs.size).toBe(0);
});

test("more instances than the machine has cores for are refused as well, also later", async () => {
  await open({ ...defaultCapacity, mode: "strict" });
  await configure("small", { InstanceType: "ml.t2.medium" });
  await create("small");
  await inService("small");
  const more = { VariantName: "All", DesiredInstanceCount: 200 };
  await expect(
    server.sagemaker.send(
      new UpdateEndpointWeightsAndCapacitiesCommand({ EndpointName: "small", DesiredWeightsAndCapacities: [more] }),
    ),
  ).rejects.toMatchObject({
    name: "ResourceLimitExceeded",
    message: expect.stringMatching(/^The instances of endpoint small have 400 vCPU and 800 GiB together/u),
  });
});

test("where types share the machine, accelerated ones get what GPUs there are", async () => {
  await open(defaultCapacity);
  await configure("shared", { InstanceType: "ml.m5.large", AcceleratorType: "ml.eia2.medium" });
  await create("shared");
  await inService("shared");
  const [run] = server.engine.running;
  expect(run?.spec.resources.gpus?.uuids.length ?? 0).toBe(Math.min(1, hostGpus().all.length));
});

async function open(capacity: CapacitySettings): Promise<void> {
  server = await startServingServer({ capacity });
  const ExecutionRoleArn = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
  const PrimaryContainer = { Image: "linear-learner" };
  await server.sagemaker.send(new CreateModelCommand({ ModelName: "m", ExecutionRoleArn, PrimaryContainer }));
}

async function configure(EndpointConfigName: string, variant: Partial<ProductionVariant>): Promise<void> {
  const all = { VariantName: "All", ModelName: "m", InitialInstanceCount: 1, ...variant };
  await server.sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName, ProductionVariants: [all] }));
}

async function create(name: string): Promise<void> {
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
}

async function inService(EndpointName: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const { EndpointStatus } = await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
      expect(EndpointStatus).toBe("InService");
    },
    { timeout: 10_000, interval: 5 },
  );
}
