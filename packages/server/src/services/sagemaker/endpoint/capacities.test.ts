import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DescribeEndpointCommand,
  type ProductionVariantRoutingConfig,
  UpdateEndpointCommand,
  UpdateEndpointWeightsAndCapacitiesCommand,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { modelArchive, type ServingServer, startServingServer } from "../../../serving/testkit/serving-server.ts";

let server: ServingServer;
beforeEach(async () => {
  server = await startServingServer();
  server.engine.behaviour = (request, response, run) => {
    // Slow enough that requests are always under way.
    request.resume().on("end", () => setTimeout(() => response.end(run.spec.environment["GREETING"]), 5));
  };
});
afterEach(() => server.close());

const role = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
const patiently = { timeout: 10_000, interval: 5 };

test("variants share traffic by weight, and a change of weights moves it at once", async () => {
  await deploy("shared", [variant("Blue", 3), variant("Green", 1)]);
  const before: Awaited<ReturnType<typeof invoke>>[] = [];
  for (let n = 0; n < 10; n++) before.push(...(await Promise.all(Array.from({ length: 40 }, () => invoke("shared")))));
  const blue = before.filter(({ variant: name }) => name === "Blue").length;
  // 300 expected; ten standard deviations are 87.
  expect(blue).toBeGreaterThan(213);
  expect(blue).toBeLessThan(387);
  expect(before.every(({ variant: name, body }) => name === body)).toBe(true);
  await change("shared", { VariantName: "Blue", DesiredWeight: 0 });
  const after = await Promise.all(Array.from({ length: 50 }, () => invoke("shared")));
  expect(new Set(after.map(({ variant: name }) => name))).toEqual(new Set(["Green"]));
  expect(await describe("shared")).toMatchObject({
    ProductionVariants: [
      { VariantName: "Blue", CurrentWeight: 0, DesiredWeight: 0 },
      { VariantName: "Green", CurrentWeight: 1 },
    ],
  });
  // A variant without weight is still there for who asks for it by name.
  expect(await invoke("shared", "Blue")).toEqual({ variant: "Blue", body: "Blue" });
  await change("shared", { VariantName: "Green", DesiredWeight: 0 });
  await expect(invoke("shared")).rejects.toMatchObject({ name: "ValidationError", message: /all weights are 0/u });
});

test("no request fails while instances come and go", async () => {
  await deploy("elastic", [variant("All")]);
  let isOver = false;
  const load = Array.from({ length: 8 }, async () => {
    while (!isOver) await invoke("elastic");
  });
  for (const count of [4, 1, 3, 2]) {
    await change("elastic", { VariantName: "All", DesiredInstanceCount: count });
    expect(await describe("elastic")).toMatchObject({
      ProductionVariants: [{ CurrentInstanceCount: count, DesiredInstanceCount: count }],
    });
    await vi.waitFor(() => expect(server.engine.running).toHaveLength(count), patiently);
  }
  isOver = true;
  await Promise.all(load);
});

test("an endpoint of no instances waits, over restarts, until it is given some again", async () => {
  await deploy("asleep", [variant("All"), variant("Other")]);
  await change("asleep", { VariantName: "All", DesiredInstanceCount: 0 });
  // The rest takes over what the stopped variant had.
  const answers = await Promise.all(Array.from({ length: 20 }, () => invoke("asleep")));
  expect(new Set(answers.map(({ variant: name }) => name))).toEqual(new Set(["Other"]));
  await expect(invoke("asleep", "All")).rejects.toThrow(/^Variant All of endpoint asleep has no capacity/u);
  await change("asleep", { VariantName: "Other", DesiredInstanceCount: 0 });
  await vi.waitFor(() => expect(server.engine.running).toHaveLength(0), patiently);
  const behaviour = server.engine.behaviour;
  server = await server.restart();
  server.engine.behaviour = behaviour;
  expect(await describe("asleep")).toMatchObject({ EndpointStatus: "InService" });
  await expect(invoke("asleep")).rejects.toMatchObject({
    name: "ValidationError",
    message: /^Endpoint asleep has no capacity to process this request: its instance count is 0\./u,
  });
  expect(server.engine.running).toHaveLength(0);
  await change("asleep", { VariantName: "All", DesiredInstanceCount: 2 });
  expect(await invoke("asleep")).toEqual({ variant: "All", body: "All" });
});

test("an update keeps counts and weights that were changed, when it is asked to", async () => {
  await deploy("kept", [variant("All"), variant("Other")]);
  await change("kept", { VariantName: "All", DesiredInstanceCount: 2, DesiredWeight: 7 });
  const update = { EndpointName: "kept", EndpointConfigName: "kept", RetainAllVariantProperties: true };
  await server.sagemaker.send(
    new UpdateEndpointCommand({
      ...update,
      ExcludeRetainedVariantProperties: [{ VariantPropertyType: "DesiredWeight" }],
    }),
  );
  await inService("kept");
  expect(await describe("kept")).toMatchObject({
    ProductionVariants: [{ CurrentInstanceCount: 2, CurrentWeight: 1 }, { CurrentInstanceCount: 1 }],
  });
});

test("what cannot be changed is refused by name", async () => {
  await deploy("strict", [variant("All")]);
  const refusals: [Change, RegExp][] = [
    [{ VariantName: "None", DesiredWeight: 1 }, /Could not find variant "None" of endpoint "arn:.*\/strict"/u],
    [{ VariantName: "All", ServerlessUpdateConfig: { MaxConcurrency: 1 } }, /"All" is not serverless/u],
    [{ VariantName: "All", DesiredInstanceCount: 1_000_000 }, /Endpoint strict asks for 1000000 instances/u],
    [{ VariantName: "All", DesiredInstanceCount: -1 }, /desiredInstanceCount.*greater than or equal to 0/u],
  ];
  for (const [asked, message] of refusals) await expect(send("strict", asked)).rejects.toThrow(message);
  await expect(send("missing", { VariantName: "All" })).rejects.toThrow(/Could not find endpoint/u);
  expect(await describe("strict")).toMatchObject({ EndpointStatus: "InService" });
});

test("instances that do not come up end the change with the reason, and the others go on", async () => {
  await deploy("half", [variant("All")]);
  server.engine.onStart = () => ({ exitCode: 9 });
  await change("half", { VariantName: "All", DesiredInstanceCount: 2 });
  expect((await describe("half")).FailureReason).toMatch(/variant All did not pass the ping.*exited with code 9/u);
  expect(await invoke("half")).toEqual({ variant: "All", body: "All" });
  // Neither the failure nor what is left of it stands in the way of the next change.
  await change("half", { VariantName: "All", DesiredInstanceCount: 1 });
  expect((await describe("half")).FailureReason).toBeUndefined();
});

test("with RANDOM routing every instance gets its part", async () => {
  await deploy("dice", [{ ...variant("All", 1, 3), RoutingConfig: { RoutingStrategy: "RANDOM" } }]);
  for (let n = 0; n < 60; n++) await invoke("dice");
  const counts = server.engine.running.map(({ requests }) => requests.length);
  expect(counts.reduce((a, b) => a + b)).toBe(60);
  // An instance without any would be a chance of 3 (2/3)^60, one in ten billion.
  expect(Math.min(...counts)).toBeGreaterThan(0);
});

type Change = NonNullable<
  ConstructorParameters<typeof UpdateEndpointWeightsAndCapacitiesCommand>[0]["DesiredWeightsAndCapacities"]
>[number];

type ProductionVariant = ReturnType<typeof variant> & { RoutingConfig?: ProductionVariantRoutingConfig };

function variant(VariantName: string, InitialVariantWeight = 1, InitialInstanceCount = 1) {
  return {
    VariantName,
    InitialVariantWeight,
    InitialInstanceCount,
    InstanceType: "ml.m5.large" as const,
  };
}

/** An endpoint whose variants answer with their own names. */
async function deploy(name: string, variants: readonly ProductionVariant[]): Promise<void> {
  const ModelDataUrl = await server.upload(`${name}.tar.gz`, modelArchive());
  for (const { VariantName } of variants) {
    await server.sagemaker.send(
      new CreateModelCommand({
        ModelName: `${name}-${VariantName}`,
        ExecutionRoleArn: role,
        PrimaryContainer: { Image: "linear-learner", ModelDataUrl, Environment: { GREETING: VariantName } },
      }),
    );
  }
  const ProductionVariants = variants.map((each) => ({ ...each, ModelName: `${name}-${each.VariantName}` }));
  await server.sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants }));
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
  await inService(name);
}

async function send(EndpointName: string, desired: Change): Promise<void> {
  await server.sagemaker.send(
    new UpdateEndpointWeightsAndCapacitiesCommand({ EndpointName, DesiredWeightsAndCapacities: [desired] }),
  );
}

async function change(name: string, desired: Change): Promise<void> {
  await send(name, desired);
  await inService(name);
}

async function describe(EndpointName: string) {
  return await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
}

async function inService(name: string): Promise<void> {
  await vi.waitFor(async () => expect(await describe(name)).toMatchObject({ EndpointStatus: "InService" }), patiently);
}

async function invoke(EndpointName: string, TargetVariant?: string) {
  const answer = await server.runtime.send(
    new InvokeEndpointCommand({ EndpointName, Body: Buffer.from("x"), ...(TargetVariant && { TargetVariant }) }),
  );
  return { variant: answer.InvokedProductionVariant, body: Buffer.from(answer.Body).toString() };
}
