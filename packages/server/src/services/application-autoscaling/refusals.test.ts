import {
  ApplicationAutoScalingClient,
  DeleteScalingPolicyCommand,
  DeregisterScalableTargetCommand,
  DescribeScalableTargetsCommand,
  DescribeScalingActivitiesCommand,
  ListTagsForResourceCommand,
  PutScalingPolicyCommand,
  type PutScalingPolicyCommandInput,
  PutScheduledActionCommand,
  type PutScheduledActionCommandInput,
  RegisterScalableTargetCommand,
  type RegisterScalableTargetCommandInput,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-application-auto-scaling";
import { CloudWatchClient, PutMetricAlarmCommand } from "@aws-sdk/client-cloudwatch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../gateway/testkit.ts";
import { cloudWatchService } from "../cloudwatch/service.ts";
import { endpoints } from "../sagemaker/endpoint/resource.ts";
import { applicationAutoScalingService } from "./service.ts";
import { target } from "./testkit/scaled-endpoint.ts";

let server: TestServer;
let autoscaling: ApplicationAutoScalingClient;
let ScalableTargetARN: string;
beforeAll(async () => {
  server = await startTestServer({ services: [applicationAutoScalingService, cloudWatchService] });
  autoscaling = new ApplicationAutoScalingClient(server.client);
  const scope = { partition: "aws", account: "111122223333", region: "us-west-2" };
  const variant = { name: "All", instanceType: "ml.m5.large", desiredInstanceCount: 1, weight: 1, instances: [] };
  const value = {
    ...{ arn: endpoints.arn(scope, "here"), runPrefix: "e-000000000000", configName: "here" },
    fleets: [{ id: 1, configName: "here", role: "active", since: 0, variants: [variant] }],
    ...{ nextFleet: 2, nextInstance: 2 },
  };
  await server.platform.store.write([{ op: "create", key: endpoints.key(scope, "here"), value, status: "InService" }]);
  const registered = await register({ Tags: { team: "blue" } });
  ScalableTargetARN = registered.ScalableTargetARN as string;
});
afterAll(() => server.close());

const id = target("here");
const register = (change: Partial<RegisterScalableTargetCommandInput> = {}) =>
  autoscaling.send(new RegisterScalableTargetCommand({ ...id, MinCapacity: 1, MaxCapacity: 4, ...change }));

test("a target keeps what a second registration does not mention", async () => {
  await register({ MaxCapacity: 9, SuspendedState: { ScheduledScalingSuspended: true } });
  await autoscaling.send(new RegisterScalableTargetCommand({ ...id, MinCapacity: 2 }));
  const { ScalableTargets } = await autoscaling.send(
    new DescribeScalableTargetsCommand({ ServiceNamespace: "sagemaker" }),
  );
  expect(ScalableTargets).toEqual([
    {
      ...{ ...id, MinCapacity: 2, MaxCapacity: 9, ScalableTargetARN, CreationTime: expect.any(Date) as Date },
      RoleARN: expect.stringMatching(/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint$/u) as string,
      SuspendedState: {
        ...{ DynamicScalingInSuspended: false, DynamicScalingOutSuspended: false, ScheduledScalingSuspended: true },
      },
    },
  ]);
  expect(ScalableTargetARN).toMatch(
    /^arn:aws:application-autoscaling:us-west-2:111122223333:scalable-target\/[0-9a-f]+$/u,
  );
});

test("tags come and go", async () => {
  const ResourceARN = ScalableTargetARN;
  await autoscaling.send(new TagResourceCommand({ ResourceARN, Tags: { stage: "test" } }));
  await autoscaling.send(new UntagResourceCommand({ ResourceARN, TagKeys: ["team", "none"] }));
  expect((await autoscaling.send(new ListTagsForResourceCommand({ ResourceARN }))).Tags).toEqual({ stage: "test" });
  const elsewhere = new ListTagsForResourceCommand({ ResourceARN: `${ResourceARN}0` });
  await expect(autoscaling.send(elsewhere)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  const Tags = Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`key-${n}`, ""]));
  const many = new TagResourceCommand({ ResourceARN, Tags });
  await expect(autoscaling.send(many)).rejects.toMatchObject({ name: "TooManyTagsException" });
});

test.for<[string, Partial<RegisterScalableTargetCommandInput>, RegExp]>([
  ["another service", { ServiceNamespace: "ecs" }, /Unsupported service namespace: ecs/u],
  ["another dimension", { ScalableDimension: "ecs:service:DesiredCount" }, /scalable dimension: ecs:service/u],
  ["a resource of another form", { ResourceId: "endpoint/here" }, /are named endpoint\/NAME\/variant\/NAME/u],
  ["what is not there", { ResourceId: "endpoint/gone/variant/All" }, /endpoint\/gone\/variant\/All does not exist/u],
  ["no such variant", { ResourceId: "endpoint/here/variant/None" }, /does not exist/u],
  ["bounds the wrong way round", { MinCapacity: 5, MaxCapacity: 4 }, /Maximum capacity cannot be less/u],
  ["less than nothing", { MinCapacity: -1 }, /greater than or equal to 0/u],
])("not registered: %s", async ([, change, message]) => {
  await expect(register(change)).rejects.toMatchObject({ name: "ValidationException", message });
});

const tracking = (change: object): Partial<PutScalingPolicyCommandInput> => ({
  PolicyType: "TargetTrackingScaling",
  TargetTrackingScalingPolicyConfiguration: {
    TargetValue: 1,
    PredefinedMetricSpecification: { PredefinedMetricType: "SageMakerVariantInvocationsPerInstance" },
    ...change,
  },
});
const step = (change: object): Partial<PutScalingPolicyCommandInput> => ({
  StepScalingPolicyConfiguration: {
    AdjustmentType: "ChangeInCapacity",
    StepAdjustments: [{ MetricIntervalLowerBound: 0, ScalingAdjustment: 1 }],
    ...change,
  },
});
const ecs = { PredefinedMetricSpecification: { PredefinedMetricType: "ECSServiceAverageCPUUtilization" } };
const custom = { Namespace: "Shop", MetricName: "Depth", Statistic: "Average" };

test.for<[string, Partial<PutScalingPolicyCommandInput>, RegExp]>([
  ["no configuration", {}, /StepScalingPolicyConfiguration must be specified/u],
  ["predictions", { PolicyType: "PredictiveScaling" }, /PredictiveScaling is not supported/u],
  ["a target of nothing", tracking({ TargetValue: 0 }), /TargetValue must be greater than 0/u],
  ["a metric of others", tracking(ecs), /ECSServiceAverageCPUUtilization is not supported for scalable dimension/u],
  ["two metrics", tracking({ CustomizedMetricSpecification: custom }), /Exactly one of/u],
  ["no metric", tracking({ PredefinedMetricSpecification: undefined }), /Exactly one of/u],
  [
    "a metric without a name",
    tracking({
      PredefinedMetricSpecification: undefined,
      CustomizedMetricSpecification: { ...custom, MetricName: undefined },
    }),
    /MetricName must be specified/u,
  ],
  ["a negative cooldown", tracking({ ScaleInCooldown: -1 }), /ScaleInCooldown must not be negative/u],
  ["no steps", step({ StepAdjustments: [] }), /At least one StepAdjustment/u],
  ["no kind of adjustment", step({ AdjustmentType: undefined }), /AdjustmentType must be specified/u],
  ["a magnitude of counts", step({ MinAdjustmentMagnitude: 2 }), /MinAdjustmentMagnitude can only/u],
  [
    "steps without bounds",
    step({ StepAdjustments: [{ ScalingAdjustment: 1 }] }),
    /must have MetricIntervalLowerBound/u,
  ],
  ["both kinds", { ...tracking({}), ...step({}) }, /exclude each other/u],
])("no policy: %s", async ([, change, message]) => {
  const put = new PutScalingPolicyCommand({ ...id, PolicyName: "refused", ...change });
  await expect(autoscaling.send(put)).rejects.toMatchObject({ name: "ValidationException", message });
});

test.for<[string, Partial<PutScheduledActionCommandInput>, RegExp]>([
  ["no schedule", { Schedule: undefined }, /Schedule must be specified/u],
  [
    "a strange schedule",
    { Schedule: "cron(0 9 * * *)" },
    /Invalid schedule cron\(0 9 \* \* \*\): a cron expression has six/u,
  ],
  ["the past", { Schedule: "at(2020-01-01T00:00:00)" }, /has no time in the future/u],
  ["a strange zone", { Timezone: "Mars/Olympus" }, /Mars\/Olympus is not a time zone/u],
  ["nothing to set", { ScalableTargetAction: {} }, /must have MinCapacity, MaxCapacity or both/u],
  ["bounds the wrong way round", { ScalableTargetAction: { MinCapacity: 3, MaxCapacity: 1 } }, /cannot be less/u],
  ["an end before now", { EndTime: new Date(0) }, /EndTime must be in the future/u],
])("no plan: %s", async ([, change, message]) => {
  const put = new PutScheduledActionCommand({
    ...{ ...id, ScheduledActionName: "refused", Schedule: "rate(1 hour)", ScalableTargetAction: { MinCapacity: 1 } },
    ...change,
  });
  await expect(autoscaling.send(put)).rejects.toMatchObject({ name: "ValidationException", message });
});

test("what is not there is told by name", async () => {
  const missing = { ...id, ResourceId: "endpoint/gone/variant/All" };
  await expect(autoscaling.send(new DeregisterScalableTargetCommand(missing))).rejects.toMatchObject({
    name: "ObjectNotFoundException",
    message:
      "No scalable target registered for service namespace: sagemaker, resource ID: endpoint/gone/variant/All, scalable dimension: sagemaker:variant:DesiredInstanceCount",
  });
  const noPolicy = new DeleteScalingPolicyCommand({ ...id, PolicyName: "none" });
  await expect(autoscaling.send(noPolicy)).rejects.toMatchObject({ name: "ObjectNotFoundException" });
  const noTarget = new PutScalingPolicyCommand({ ...missing, PolicyName: "none", ...step({}) });
  await expect(autoscaling.send(noTarget)).rejects.toMatchObject({ name: "ObjectNotFoundException" });
  const page = new DescribeScalingActivitiesCommand({ ServiceNamespace: "sagemaker", NextToken: "x" });
  await expect(autoscaling.send(page)).rejects.toMatchObject({ name: "InvalidNextTokenException" });
  const half = new DescribeScalingActivitiesCommand({
    ServiceNamespace: "sagemaker",
    ScalableDimension: id.ScalableDimension,
  });
  await expect(autoscaling.send(half)).rejects.toThrow(/ResourceId must be specified/u);
});

test("a policy's alarms change with it and go with it; an alarm calls only policies that are there", async () => {
  const cloudwatch = new CloudWatchClient({ ...server.client, disableRequestCompression: true });
  const put = (change: object) =>
    autoscaling.send(new PutScalingPolicyCommand({ ...id, PolicyName: "follow it", ...tracking(change) }));
  const first = await put({});
  expect(first.Alarms).toHaveLength(2);
  const second = await put({ DisableScaleIn: true });
  expect(second).toMatchObject({ PolicyARN: first.PolicyARN, Alarms: [first.Alarms?.[0]] });
  const alarm = (action: string) =>
    cloudwatch.send(
      new PutMetricAlarmCommand({
        ...{ AlarmName: "mine", Namespace: "Shop", MetricName: "Depth", Statistic: "Sum", Period: 60, Threshold: 1 },
        ...{ EvaluationPeriods: 1, ComparisonOperator: "GreaterThanThreshold", AlarmActions: [action] },
      }),
    );
  await expect(alarm(`${first.PolicyARN}2`)).rejects.toThrow(/there is no scaling policy with the ARN/u);
  await alarm(first.PolicyARN as string);
  expect((await put({})).Alarms?.map(({ AlarmName }) => AlarmName)).toContain("mine");
  const stepped = new PutScalingPolicyCommand({
    ...id,
    PolicyName: "follow it",
    PolicyType: "StepScaling",
    ...step({}),
  });
  await expect(autoscaling.send(stepped)).rejects.toThrow(/type of a scaling policy cannot be changed/u);
  await autoscaling.send(new DeleteScalingPolicyCommand({ ...id, PolicyName: "follow it" }));
  const { records } = await server.platform.store.list({ kind: "alarm", limit: 10 });
  expect(records.map(({ name }) => name)).toEqual(["mine"]);
});
