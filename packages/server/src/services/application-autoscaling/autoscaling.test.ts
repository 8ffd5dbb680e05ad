import {
  DeregisterScalableTargetCommand,
  DescribeScalableTargetsCommand,
  DescribeScalingPoliciesCommand,
  DescribeScheduledActionsCommand,
  PutScheduledActionCommand,
} from "@aws-sdk/client-application-auto-scaling";
import {
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from "@aws-sdk/client-cloudwatch";
import {
  AddTagsCommand,
  DeleteEndpointCommand,
  DeleteTagsCommand,
  UpdateEndpointCommand,
  UpdateEndpointWeightsAndCapacitiesCommand,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ScaledWorld, target } from "./testkit/scaled-endpoint.ts";

let world: ScaledWorld;
beforeEach(async () => {
  world = await ScaledWorld.start();
});
afterEach(() => world.close());

const patiently = { timeout: 10_000, interval: 5 };
const minute = 60_000;
const invocations = (TargetValue: number) => ({
  PolicyType: "TargetTrackingScaling" as const,
  TargetTrackingScalingPolicyConfiguration: {
    TargetValue,
    PredefinedMetricSpecification: { PredefinedMetricType: "SageMakerVariantInvocationsPerInstance" as const },
    ScaleInCooldown: 60,
    ScaleOutCooldown: 60,
  },
});
const steps = (...ScalingAdjustments: [number, number?][]) => ({
  PolicyType: "StepScaling" as const,
  StepScalingPolicyConfiguration: {
    AdjustmentType: "ChangeInCapacity" as const,
    Cooldown: 120,
    StepAdjustments: ScalingAdjustments.map(([ScalingAdjustment, from = 0], at) => ({
      ScalingAdjustment,
      MetricIntervalLowerBound: from,
      ...(ScalingAdjustments[at + 1] && { MetricIntervalUpperBound: ScalingAdjustments[at + 1]?.[1] }),
    })),
  },
});

test("target tracking goes out with the load, and in without it", async () => {
  await world.deploy("busy");
  await world.register("busy");
  const policy = await world.put("busy", "follow", invocations(4));
  expect(policy.Alarms?.map(({ AlarmName }) => AlarmName)).toEqual([
    expect.stringMatching(/^TargetTracking-endpoint\/busy\/variant\/All-AlarmHigh-[0-9a-f-]{36}$/u),
    expect.stringMatching(/^TargetTracking-endpoint\/busy\/variant\/All-AlarmLow-[0-9a-f-]{36}$/u),
  ]);
  await world.minutes("busy", 3, 10);
  // Ten a minute where four are wanted: three instances.
  await world.hasInstances("busy", 3);
  await vi.waitFor(async () => {
    expect(await world.activities("busy")).toMatchObject([
      {
        Description: "Setting desired instance count to 3.",
        Cause: `monitor alarm ${policy.Alarms?.[0]?.AlarmName} in state ALARM triggered policy follow`,
        StatusCode: "Successful",
        StatusMessage: "Successfully set desired instance count to 3. Change successfully fulfilled by sagemaker.",
      },
    ]);
  }, patiently);
  // A quarter of an hour without requests is told as zeros, not as no data.
  await world.minutes("busy", 16, 0);
  await world.hasInstances("busy", 1);
  expect((await world.activities("busy"))[0]).toMatchObject({
    Description: "Setting desired instance count to 1.",
    Cause: `monitor alarm ${policy.Alarms?.[1]?.AlarmName} in state ALARM triggered policy follow`,
  });
});

test("target tracking follows how busy the instances' cores are", async () => {
  await world.deploy("hot");
  await world.register("hot");
  await world.put("hot", "cpu", {
    PolicyType: "TargetTrackingScaling",
    TargetTrackingScalingPolicyConfiguration: {
      TargetValue: 50,
      CustomizedMetricSpecification: {
        ...{
          Namespace: "/aws/sagemaker/Endpoints",
          MetricName: "CPUUtilization",
          Statistic: "Average",
          Unit: "Percent",
        },
        Dimensions: [
          { Name: "EndpointName", Value: "hot" },
          { Name: "VariantName", Value: "All" },
        ],
      },
      ScaleInCooldown: 60,
      ScaleOutCooldown: 60,
    },
  });
  await world.busyMinutes(5, 1.2);
  // 120 percent of a core where 50 are wanted: three instances.
  await world.hasInstances("hot", 3);
  await world.busyMinutes(17, 0.1);
  await world.hasInstances("hot", 1);
});

test("provisioned concurrency follows how much of it is used, within MaxConcurrency", async () => {
  await world.deploy("seldom", {
    ServerlessConfig: { MemorySizeInMB: 1024, MaxConcurrency: 3, ProvisionedConcurrency: 1 },
  });
  const concurrency = { ScalableDimension: "sagemaker:variant:DesiredProvisionedConcurrency" as const };
  const provisioned = async (ProvisionedConcurrency: number): Promise<void> => {
    const wanted = { CurrentServerlessConfig: { ProvisionedConcurrency } };
    await vi.waitFor(async () => {
      expect(await world.describe("seldom")).toMatchObject({
        EndpointStatus: "InService",
        ProductionVariants: [wanted],
      });
    }, patiently);
  };
  await expect(world.register("seldom")).rejects.toThrow(
    /is serverless: .* Scale sagemaker:variant:DesiredProvisioned/u,
  );
  await expect(world.register("seldom", { ...concurrency, MinCapacity: 0 })).rejects.toThrow(/equal to 1/u);
  await world.register("seldom", concurrency);
  await world.put("seldom", "use", {
    ...{ ...concurrency, PolicyType: "TargetTrackingScaling" },
    TargetTrackingScalingPolicyConfiguration: {
      TargetValue: 0.7,
      PredefinedMetricSpecification: { PredefinedMetricType: "SageMakerVariantProvisionedConcurrencyUtilization" },
      ...{ ScaleInCooldown: 60, ScaleOutCooldown: 60 },
    },
  });
  let answer: (() => void) | undefined;
  world.server.engine.behaviour = (request, response) => {
    request.resume();
    answer = () => response.end("late");
  };
  const underWay = world.invoke("seldom");
  await vi.waitFor(() => expect(answer).toBeDefined(), patiently);
  await world.minutes("seldom", 3, 0);
  await provisioned(2);
  expect(world.server.engine.running).toHaveLength(2);
  answer?.();
  expect(await underWay).toBe("late");
  await world.minutes("seldom", 17, 0);
  await provisioned(1);
  await world.register("seldom", { ...concurrency, MinCapacity: 4 });
  await vi.waitFor(async () => {
    expect((await world.activities("seldom", concurrency))[0]).toMatchObject({
      ...{ Description: "Setting desired provisioned concurrency to 4.", StatusCode: "Failed" },
      StatusMessage: expect.stringMatching(/ProvisionedConcurrency \(4\) must not be above MaxConcurrency \(3\)/u),
    });
  }, patiently);
  await provisioned(1);
});

test("requests under way survive a scale-in", async () => {
  await world.deploy("calm");
  await world.register("calm", { MinCapacity: 3 });
  await world.hasInstances("calm", 3);
  let isOver = false;
  const load = Array.from({ length: 8 }, async () => {
    while (!isOver) await world.invoke("calm");
  });
  for (const count of [1, 4, 2]) {
    await world.register("calm", { MinCapacity: count, MaxCapacity: count });
    await world.hasInstances("calm", count);
  }
  isOver = true;
  await Promise.all(load);
  expect((await world.activities("calm")).map(({ Cause }) => Cause)).toEqual([
    "maximum capacity was set to 2",
    "minimum capacity was set to 4",
    "maximum capacity was set to 1",
    "minimum capacity was set to 3",
  ]);
});

test("an alarm calls a step policy, once a cooldown unless it asks for more", async () => {
  await world.deploy("stepped");
  await world.register("stepped");
  const policy = await world.put("stepped", "steps", steps([1], [3, 10]));
  const { cloudwatch } = world.server;
  await cloudwatch.send(
    new PutMetricAlarmCommand({
      ...{ AlarmName: "deep", Namespace: "Shop", MetricName: "QueueDepth", Statistic: "Average", Period: 60 },
      ...{ EvaluationPeriods: 1, Threshold: 100, ComparisonOperator: "GreaterThanThreshold" },
      AlarmActions: [policy.PolicyARN as string],
    }),
  );
  const described = await world.server.autoscaling.send(
    new DescribeScalingPoliciesCommand({ ServiceNamespace: "sagemaker" }),
  );
  expect(described.ScalingPolicies).toMatchObject([
    { PolicyName: "steps", PolicyType: "StepScaling", Alarms: [{ AlarmName: "deep" }] },
  ]);
  const depth = async (Value: number) => {
    const MetricData = [{ MetricName: "QueueDepth", Value, Timestamp: new Date(world.clock.now()) }];
    await cloudwatch.send(new PutMetricDataCommand({ Namespace: "Shop", MetricData }));
    world.clock.move(minute);
    await world.server.lookAtTargets();
  };
  await depth(105);
  await world.hasInstances("stepped", 2);
  await depth(106);
  // Within the cooldown, and no more than was added already: nothing. Ten over is three from where it began.
  await depth(110);
  await world.hasInstances("stepped", 4);
  await vi.waitFor(async () => {
    expect((await world.activities("stepped")).map(({ Description }) => Description)).toEqual([
      "Setting desired instance count to 4.",
      "Setting desired instance count to 2.",
    ]);
  }, patiently);
  world.clock.move(2 * minute);
  await depth(200);
  await vi.waitFor(async () => {
    const [latest] = await world.activities("stepped", { IncludeNotScaledActivities: true });
    expect(latest).toMatchObject({
      StatusCode: "Unfulfilled",
      NotScaledReasons: [{ Code: "AlreadyAtMaxCapacity", MaxCapacity: 4, CurrentCapacity: 4 }],
    });
  }, patiently);
  expect(await world.activities("stepped")).toHaveLength(2);
});

test("an endpoint scales to zero, and requests wait for it to come back", async () => {
  await world.deploy("asleep");
  world.server.engine.behaviour = (request, response) => void request.resume().on("end", () => response.end("awake"));
  await world.register("asleep", { MinCapacity: 0 });
  await world.put("asleep", "follow", invocations(4));
  await world.minutes("asleep", 17, 0);
  await world.hasInstances("asleep", 0);
  // Over a restart, too.
  await world.restart();
  const answers = await Promise.all(Array.from({ length: 20 }, () => world.invoke("asleep")));
  expect(new Set(answers)).toEqual(new Set(["awake"]));
  await world.hasInstances("asleep", 1);
  const [latest] = await world.activities("asleep");
  expect(latest).toMatchObject({
    Description: "Setting desired instance count to 1.",
    Cause: "a request arrived while the capacity was 0",
  });
  // The cooldown keeps it for a while, though nothing has been asked of it in the last periods.
  await world.server.lookAtTargets();
  await world.hasInstances("asleep", 1);
});

test("waiting requests are bounded in number and told so; endpoints that were stopped by hand stay so", async () => {
  await world.deploy("full");
  await world.register("full", { MinCapacity: 0 });
  const stop = { VariantName: "All", DesiredInstanceCount: 0 };
  const byHand = new UpdateEndpointWeightsAndCapacitiesCommand({
    EndpointName: "full",
    DesiredWeightsAndCapacities: [stop],
  });
  await world.server.sagemaker.send(byHand);
  await world.hasInstances("full", 0);
  world.server.engine.onStart = () => ({ exitCode: 1 });
  const waiting = new AbortController();
  const first = world.server.runtime.send(new InvokeEndpointCommand({ EndpointName: "full", Body: "x" }), {
    abortSignal: waiting.signal,
  });
  const key = "123456789012/eu-west-1/full";
  await vi.waitFor(() => expect(world.server.serving.held.count(key)).toBe(1), patiently);
  // A caller that hangs up waits no longer.
  waiting.abort();
  await expect(first).rejects.toThrow();
  await vi.waitFor(() => expect(world.server.serving.held.count(key)).toBe(0), patiently);
  const crowd = Array.from({ length: 1_000 }, () =>
    world.server.serving.held.hold({ key, bytes: 0, find: () => undefined }).catch((error: unknown) => error),
  );
  await expect(world.invoke("full")).rejects.toMatchObject({
    ...{ name: "ServiceUnavailable", message: /is being scaled out, and as many requests as may wait for it wait/u },
    $metadata: { httpStatusCode: 503 },
  });
  world.server.serving.held.close();
  await Promise.all(crowd);
  // The one that was woken in vain is given up.
  await vi.waitFor(() => world.server.sagemaker.send(byHand), patiently);
  await world.hasInstances("full", 0);
  // A minimum of one: at zero all the same, it was stopped by hand.
  await world.register("full", { MinCapacity: 1 });
  await expect(world.invoke("full")).rejects.toMatchObject({
    name: "ValidationError",
    message: /instance count is 0/u,
  });
  await world.hasInstances("full", 0);
});

test("what was stopped from the command line is not woken until it is started again", async () => {
  await world.deploy("paused");
  await world.register("paused", { MinCapacity: 0 });
  const { sagemaker } = world.server;
  const { EndpointArn: ResourceArn } = await world.describe("paused");
  // What `sagebrush stop` does.
  await sagemaker.send(new AddTagsCommand({ ResourceArn, Tags: [{ Key: "sagebrush:instances/All", Value: "1" }] }));
  await sagemaker.send(
    new UpdateEndpointWeightsAndCapacitiesCommand({
      EndpointName: "paused",
      DesiredWeightsAndCapacities: [{ VariantName: "All", DesiredInstanceCount: 0 }],
    }),
  );
  await world.hasInstances("paused", 0);
  await expect(world.invoke("paused")).rejects.toMatchObject({ name: "ValidationError", message: /count is 0/u });
  await sagemaker.send(new DeleteTagsCommand({ ResourceArn, TagKeys: ["sagebrush:instances/All"] }));
  expect(await world.invoke("paused")).toBe("x");
});

test("scheduled actions move the bounds, in their time zone, also those that a stopped server missed", async () => {
  await world.deploy("planned");
  await world.register("planned");
  const plan = (ScheduledActionName: string, Schedule: string, MinCapacity: number, MaxCapacity?: number) =>
    world.server.autoscaling.send(
      new PutScheduledActionCommand({
        ...{ ...target("planned"), ScheduledActionName, Schedule, Timezone: "America/New_York" },
        ScalableTargetAction: { MinCapacity, ...(MaxCapacity !== undefined && { MaxCapacity }) },
      }),
    );
  await plan("morning", "cron(0 8 * * ? *)", 3);
  await plan("night", "cron(0 20 * * ? *)", 1, 2);
  const described = await world.server.autoscaling.send(
    new DescribeScheduledActionsCommand({ ServiceNamespace: "sagemaker", ScheduledActionNames: ["night"] }),
  );
  expect(described.ScheduledActions).toMatchObject([
    { Schedule: "cron(0 20 * * ? *)", Timezone: "America/New_York", ScalableTargetAction: { MaxCapacity: 2 } },
  ]);
  const bounds = async () => {
    const { ScalableTargets } = await world.server.autoscaling.send(
      new DescribeScalableTargetsCommand({
        ServiceNamespace: "sagemaker",
        ResourceIds: [target("planned").ResourceId],
      }),
    );
    return ScalableTargets?.map(({ MinCapacity, MaxCapacity }) => [MinCapacity, MaxCapacity])[0];
  };
  const until = async (hour: number) => {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: "America/New_York",
      hour: "numeric",
      hourCycle: "h23",
    });
    while (Number(format.format(world.clock.now())) !== hour) world.clock.move(10 * minute);
    await world.server.lookAtTargets();
  };
  await until(8);
  await world.hasInstances("planned", 3);
  expect(await bounds()).toEqual([3, 4]);
  await until(20);
  await world.hasInstances("planned", 2);
  expect((await world.activities("planned")).map(({ Cause }) => Cause)).toEqual(
    expect.arrayContaining(["scheduled action name night was triggered", "maximum capacity was set to 2"]),
  );
  // Down from before eight until after it. The night's maximum stands against the morning's minimum, and that is told.
  await plan("morning", "cron(0 8 * * ? *)", 1, 4);
  await world.restart();
  await until(9);
  await vi.waitFor(async () => expect(await bounds()).toEqual([1, 4]), patiently);
  await plan("odd", "rate(1 day)", 9);
  world.clock.move(24 * 60 * minute);
  await world.server.lookAtTargets();
  await vi.waitFor(async () => {
    const odd = (await world.activities("planned")).find(({ Cause }) => Cause?.includes("odd"));
    expect(odd).toMatchObject({ StatusCode: "Failed", StatusMessage: /Maximum capacity cannot be less/u });
  }, patiently);
});

test("what is scaled cannot lose its variant; what is deleted takes its scaling along", async () => {
  await world.deploy("kept");
  await world.deploy("other", { InitialInstanceCount: 1, InstanceType: "ml.t2.medium" });
  await world.register("kept");
  await world.put("kept", "follow", invocations(4));
  const update = { EndpointName: "kept", EndpointConfigName: "other" };
  await expect(world.server.sagemaker.send(new UpdateEndpointCommand(update))).rejects.toThrow(
    /Variant "All" has automatic scaling and changes its instance type\. Deregister/u,
  );
  await expect(world.register("other")).rejects.toThrow(/ml\.t2\.medium, which automatic scaling does not support/u);
  await world.server.sagemaker.send(new DeleteEndpointCommand({ EndpointName: "kept" }));
  await vi.waitFor(async () => {
    const all = { ServiceNamespace: "sagemaker" } as const;
    const targets = await world.server.autoscaling.send(new DescribeScalableTargetsCommand(all));
    const policies = await world.server.autoscaling.send(new DescribeScalingPoliciesCommand(all));
    const alarms = await world.server.cloudwatch.send(new DescribeAlarmsCommand({}));
    expect([targets.ScalableTargets, policies.ScalingPolicies, alarms.MetricAlarms]).toEqual([[], [], []]);
  }, patiently);
});

test("suspended scaling does nothing until it goes on", async () => {
  await world.deploy("paused");
  await world.register("paused", { SuspendedState: { DynamicScalingOutSuspended: true } });
  const policy = await world.put("paused", "follow", invocations(4));
  await world.minutes("paused", 3, 10);
  const AlarmName = policy.Alarms?.[0]?.AlarmName as string;
  const { MetricAlarms } = await world.server.cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames: [AlarmName] }));
  expect(MetricAlarms).toMatchObject([{ StateValue: "ALARM" }]);
  await world.hasInstances("paused", 1);
  await world.register("paused", { SuspendedState: { DynamicScalingOutSuspended: false } });
  await world.hasInstances("paused", 3);
  await world.server.cloudwatch.send(new SetAlarmStateCommand({ AlarmName, StateValue: "OK", StateReason: "enough" }));
  await world.server.autoscaling.send(new DeregisterScalableTargetCommand(target("paused")));
  await world.hasInstances("paused", 3);
});
