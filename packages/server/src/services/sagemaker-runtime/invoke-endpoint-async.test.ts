import { createHash, randomBytes } from "node:crypto";
import { PutScalingPolicyCommand, RegisterScalableTargetCommand } from "@aws-sdk/client-application-auto-scaling";
import { GetMetricStatisticsCommand, PutMetricAlarmCommand } from "@aws-sdk/client-cloudwatch";
import {
  type AsyncInferenceConfig,
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DeleteEndpointCommand,
  DescribeEndpointCommand,
  UpdateEndpointCommand,
  UpdateEndpointWeightsAndCapacitiesCommand,
} from "@aws-sdk/client-sagemaker";
import {
  InvokeEndpointAsyncCommand,
  type InvokeEndpointAsyncCommandInput,
  InvokeEndpointCommand,
} from "@aws-sdk/client-sagemaker-runtime";
import { ConfirmSubscriptionCommand, CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { modelArchive, type ServingServer, startServingServer } from "../../serving/testkit/serving-server.ts";
import { startSubscriber } from "../sns/testkit/subscriber.ts";

const EndpointName = "patient";
let server: ServingServer;
let movedMs: number;
beforeEach(async () => {
  movedMs = 0;
  server = await startServingServer({ clock: { now: () => Date.now() + movedMs } });
});
afterEach(() => server.close());

const patiently = { timeout: 25_000, interval: 5 };

test("answers and failures go to S3 and to topics, in SageMaker's form", async () => {
  const sns = new SNSClient({ endpoint: server.address, region: "eu-west-1", credentials: server.credentials });
  const subscriber = await startSubscriber();
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "results" }));
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: subscriber.address }));
  await vi.waitFor(() => expect(subscriber.received).toHaveLength(1), patiently);
  await sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token: subscriber.messages()[0]?.["Token"] }));
  const messages = async (count: number) => {
    await vi.waitFor(() => expect(subscriber.received).toHaveLength(1 + count), patiently);
    return subscriber
      .messages()
      .slice(1)
      .map(({ Message = "" }) => JSON.parse(Message));
  };
  const NotificationConfig = {
    ...{ SuccessTopic: TopicArn, ErrorTopic: TopicArn },
    IncludeInferenceResponseIn: ["SUCCESS_NOTIFICATION_TOPIC" as const],
  };
  const config = {
    OutputConfig: { S3OutputPath: "s3://models/out/", S3FailurePath: "s3://models/bad", NotificationConfig },
  };
  await deploy(config);
  expect(await messages(1)).toEqual([
    { eventVersion: "1.0", eventSource: "aws:sagemaker", eventName: "TestNotification" },
  ]);
  const described = await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
  expect(described.AsyncInferenceConfig).toEqual(config);
  server.engine.behaviour = (request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      if (body === "bad") response.writeHead(400).end("no such thing");
      else response.writeHead(200, { "content-type": "text/x-answer" }).end(`${body}!`);
    });
  };
  await put("in.csv", Buffer.from("1,2"));
  const answer = await invoke({
    ...{ InputLocation: "s3://models/in.csv", ContentType: "text/csv", Accept: "text/x-answer", InferenceId: "mine" },
    CustomAttributes: "a=b",
  });
  expect(answer).toMatchObject({ InferenceId: "mine", $metadata: { httpStatusCode: 202 } });
  expect(answer.OutputLocation).toMatch(/^s3:\/\/models\/out\/[0-9a-f-]{36}\.out$/u);
  expect(answer.FailureLocation).toMatch(/^s3:\/\/models\/bad\/[0-9a-f-]{36}-error\.out$/u);
  expect(await objectAt(answer.OutputLocation)).toEqual({ contentType: "text/x-answer", body: "1,2!" });
  expect(server.engine.running[0]?.requests[0]?.headers).toMatchObject({
    ...{ "content-type": "text/csv", accept: "text/x-answer", "content-length": "3" },
    "x-amzn-sagemaker-custom-attributes": "a=b",
  });
  expect((await messages(2))[1]).toEqual({
    ...{ awsRegion: "eu-west-1", eventTime: expect.any(String), receivedTime: expect.any(String) },
    ...{ inferenceId: "mine", invocationStatus: "Completed", eventVersion: "1.0", eventSource: "aws:sagemaker" },
    eventName: "InferenceResult",
    requestParameters: {
      ...{ accept: "text/x-answer", contentType: "text/csv", endpointName: EndpointName },
      inputLocation: "s3://models/in.csv",
    },
    responseParameters: { contentType: "text/x-answer", outputLocation: answer.OutputLocation },
    responseBody: { content: Buffer.from("1,2!").toString("base64"), message: null, encoding: "BASE64" },
  });
  const failed = await invoke({ Body: Buffer.from("bad"), S3OutputPathExtension: "deep/er", Filename: "x.json" });
  expect([failed.OutputLocation, failed.FailureLocation]).toEqual([
    "s3://models/out/deep/er/x.json",
    "s3://models/bad/deep/er/x.json",
  ]);
  const reason = "ClientError: Received client error (400) from model. no such thing";
  expect((await objectAt(failed.FailureLocation)).body).toBe(reason);
  const [, , told] = await messages(3);
  expect(told).toMatchObject({ invocationStatus: "Failed", failureReason: reason, inferenceId: failed.InferenceId });
  expect(told).not.toHaveProperty("responseParameters");
  await expect(
    server.runtime.send(new InvokeEndpointCommand({ EndpointName, Body: Buffer.from("x") })),
  ).rejects.toMatchObject({ name: "ValidationError", message: /answers asynchronously only/u });
  await subscriber.close();
  sns.destroy();
});

test("requests wait for an endpoint without instances, over a restart of the server, and each is answered", async () => {
  const perInstance = 3;
  await deploy({ OutputConfig: output, ClientConfig: { MaxConcurrentInvocationsPerInstance: perInstance } });
  await scale(0);
  const count = 100;
  const answers = await Promise.all(Array.from({ length: count }, (_, i) => invoke({ Body: Buffer.from(`r${i}`) })));
  await server.publish();
  expect(await metric("ApproximateBacklogSize")).toBe(count);
  expect(await metric("HasBacklogWithoutCapacity")).toBe(1);
  server = await server.restart();
  const seen = new Map<string, number>();
  // The first ones are held until as many are there as may be: never one more.
  let isOpen = false;
  const held: (() => void)[] = [];
  const under = new Set<unknown>();
  server.engine.behaviour = (request, response) => {
    under.add(request);
    expect(under.size).toBeLessThanOrEqual(perInstance);
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      seen.set(body, (seen.get(body) ?? 0) + 1);
      held.push(() => {
        under.delete(request);
        response.end(body);
      });
      isOpen ||= held.length === perInstance;
      if (isOpen) for (const answer of held.splice(0)) answer();
    });
  };
  await scale(1);
  await vi.waitFor(async () => expect(await waiting()).toBe(0), patiently);
  expect([...seen.values()]).toEqual(Array(count).fill(1));
  for (const i of [0, 50, 99]) expect((await objectAt(answers[i]?.OutputLocation)).body).toBe(`r${i}`);
  await server.publish();
  expect(await metric("InvocationsProcesssed", "All")).toBe(count);
  expect(await metric("ApproximateBacklogSize", undefined, "Minimum")).toBe(0);
});

test("an asynchronous endpoint goes to zero without requests and comes back with them, by policies of its backlog", async () => {
  // What starts when time has moved is not late.
  server.engine.clock = server.platform.clock;
  await deploy({ OutputConfig: output });
  const target = {
    ServiceNamespace: "sagemaker",
    ResourceId: `endpoint/${EndpointName}/variant/All`,
    ScalableDimension: "sagemaker:variant:DesiredInstanceCount",
  } as const;
  const Dimensions = [{ Name: "EndpointName", Value: EndpointName }];
  await server.autoscaling.send(new RegisterScalableTargetCommand({ ...target, MinCapacity: 0, MaxCapacity: 3 }));
  await server.autoscaling.send(
    new PutScalingPolicyCommand({
      ...{ ...target, PolicyName: "backlog", PolicyType: "TargetTrackingScaling" },
      TargetTrackingScalingPolicyConfiguration: {
        ...{ TargetValue: 5, ScaleInCooldown: 60, ScaleOutCooldown: 60 },
        CustomizedMetricSpecification: {
          ...{ MetricName: "ApproximateBacklogSizePerInstance", Namespace: "AWS/SageMaker", Statistic: "Average" },
          Dimensions,
        },
      },
    }),
  );
  const { PolicyARN = "" } = await server.autoscaling.send(
    new PutScalingPolicyCommand({
      ...{ ...target, PolicyName: "first", PolicyType: "StepScaling" },
      StepScalingPolicyConfiguration: {
        ...{ AdjustmentType: "ChangeInCapacity", MetricAggregationType: "Average", Cooldown: 60 },
        StepAdjustments: [{ MetricIntervalLowerBound: 0, ScalingAdjustment: 1 }],
      },
    }),
  );
  await server.cloudwatch.send(
    new PutMetricAlarmCommand({
      ...{ AlarmName: "waiting", MetricName: "HasBacklogWithoutCapacity", Namespace: "AWS/SageMaker", Dimensions },
      ...{ Statistic: "Average", Period: 60, EvaluationPeriods: 2, DatapointsToAlarm: 2, Threshold: 1 },
      ...{
        ComparisonOperator: "GreaterThanOrEqualToThreshold",
        TreatMissingData: "missing",
        AlarmActions: [PolicyARN],
      },
    }),
  );
  const minutes = async (count: number): Promise<void> => {
    for (let minute = 0; minute < count; minute++) {
      await server.publish();
      movedMs += 60_000;
    }
    await server.lookAtTargets();
  };
  await minutes(17);
  await inService(0);
  // Requests come while there is nobody, and stay under way until all instances are there.
  const held: (() => void)[] = [];
  server.engine.behaviour = (request, response) => {
    request.resume().on("end", () => held.push(() => response.end("done")));
  };
  const answers = await Promise.all(Array.from({ length: 12 }, () => invoke({ Body: Buffer.from("x") })));
  await minutes(3);
  await inService(1);
  await minutes(4);
  await inService(3);
  await vi.waitFor(async () => {
    for (const answer of held.splice(0)) answer();
    expect(await waiting()).toBe(0);
  }, patiently);
  expect((await objectAt(answers[11]?.OutputLocation)).body).toBe("done");
  await minutes(17);
  await inService(0);
});

test("a request whose instance dies goes to another one; one that every instance dies of fails", async () => {
  await deploy({ OutputConfig: output });
  let deaths = 0;
  server.engine.behaviour = (request, response, run) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      if (body === "poison" || deaths === 0) {
        deaths++;
        server.engine.crash(run.id, 137);
      } else response.end(body);
    });
  };
  const unlucky = await invoke({ Body: Buffer.from("fine") });
  expect((await objectAt(unlucky.OutputLocation)).body).toBe("fine");
  const poison = await invoke({ Body: Buffer.from("poison") });
  expect((await objectAt(poison.FailureLocation)).body).toMatch(/closed the connection before its answer was whole/u);
  expect(deaths).toBe(3);
});

test("what cannot be answered says why, in its failure object", async () => {
  await deploy({ OutputConfig: output });
  server.engine.behaviour = (request) => void request.resume();
  const reasonOf = async (input: Partial<InvokeEndpointAsyncCommandInput>) =>
    (await objectAt((await invoke(input)).FailureLocation)).body;
  expect(await reasonOf({ InputLocation: "s3://models/none" })).toBe(
    "ClientError: The input s3://models/none does not exist.",
  );
  // Another account's bucket looks like none.
  await server.platform.objects.buckets.create("others", { owner: "999999999999", region: "eu-west-1", settings: {} });
  expect(await reasonOf({ InputLocation: "s3://others/x" })).toMatch(/s3:\/\/others\/x does not exist/u);
  expect(await reasonOf({ Body: Buffer.from("x"), InvocationTimeoutSeconds: 1 })).toMatch(
    /no answer within 1 s \(InvocationTimeoutSeconds\)/u,
  );
  await scale(0);
  const late = await invoke({ Body: Buffer.from("x"), RequestTTLSeconds: 60 });
  movedMs = 61_000;
  await server.serving.asynchronous.sweep();
  expect((await objectAt(late.FailureLocation)).body).toMatch(/longer than its RequestTTLSeconds \(60\)/u);
  await server.publish();
  expect(await metric("ExpiredRequests", "All")).toBe(1);
  expect(await metric("RequestDownloadFailures", "All")).toBe(2);
});

test("large inputs and outputs flow through", async () => {
  await deploy({ OutputConfig: output });
  const large = randomBytes(48 * 1024 * 1024);
  await put("large", large);
  const answer = await invoke({ InputLocation: "s3://models/large" });
  const hash = createHash("sha256");
  for await (const chunk of await readable(answer.OutputLocation)) hash.update(chunk as Buffer);
  expect(hash.digest("hex")).toBe(createHash("sha256").update(large).digest("hex"));
});

test("a deleted endpoint takes its requests along, and its namesake has none of them", async () => {
  await deploy({ OutputConfig: output });
  await scale(0);
  await Promise.all(Array.from({ length: 20 }, () => invoke({ Body: Buffer.from("x") })));
  expect(await waiting()).toBe(20);
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName }));
  await vi.waitFor(async () => expect(await waiting()).toBe(0), patiently);
  const gone = server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
  await expect(gone).rejects.toThrow(/Could not find endpoint/u);
});

test.for<[string, Partial<InvokeEndpointAsyncCommandInput>, RegExp]>([
  ["neither input", {}, /Exactly one of InputLocation and a body/u],
  ["both inputs", { Body: Buffer.from("x"), InputLocation: "s3://models/x" }, /Exactly one of/u],
  ["a long body", { Body: Buffer.alloc(128_001) }, /at most 128000 are allowed/u],
  ["a folder", { InputLocation: "s3://models/x/" }, /must be the address of an object/u],
  ["a web address", { InputLocation: "https://example.com/x" }, /must be the address of an object|inputLocation/u],
  ["a path that leaves", { Body: Buffer.from("x"), S3OutputPathExtension: "s3://other" }, /3OutputPathExtension/u],
  ["another endpoint", { EndpointName: "none", Body: Buffer.from("x") }, /Endpoint none of account \d+ not found/u],
])("refuses %s", async ([, input, message]) => {
  await deploy({ OutputConfig: output });
  await expect(invoke(input)).rejects.toThrow(message);
  expect(await waiting()).toBe(0);
});

test.for<[string, AsyncInferenceConfig, RegExp]>([
  ["no output path", { OutputConfig: {} }, /S3OutputPath must be given/u],
  ["a bucket of nobody", { OutputConfig: { S3OutputPath: "s3://nobody/x" } }, /is not an S3 address in a bucket/u],
  [
    "a topic of nobody",
    {
      OutputConfig: {
        ...{ S3OutputPath: "s3://models/x" },
        NotificationConfig: { ErrorTopic: "arn:aws:sns:eu-west-1:123456789012:x" },
      },
    },
    /NotificationConfig.ErrorTopic: .*Topic does not exist/u,
  ],
])("an endpoint with %s is refused", async ([, config, message]) => {
  await expect(deploy(config)).rejects.toThrow(message);
});

test("an endpoint stays of its kind", async () => {
  await deploy({ OutputConfig: output });
  const ProductionVariants = [variant];
  await server.sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName: "real-time", ProductionVariants }));
  const update = server.sagemaker.send(new UpdateEndpointCommand({ EndpointName, EndpointConfigName: "real-time" }));
  await expect(update).rejects.toThrow(/Cannot update asynchronous endpoint .* to real-time/u);
});

const output = { S3OutputPath: "s3://models/out", S3FailurePath: "s3://models/bad" };
const variant = { VariantName: "All", ModelName: "m", InstanceType: "ml.m5.large" as const, InitialInstanceCount: 1 };

function invoke(input: Partial<InvokeEndpointAsyncCommandInput>) {
  return server.runtime.send(new InvokeEndpointAsyncCommand({ EndpointName, ...input }));
}

async function put(key: string, bytes: Buffer): Promise<void> {
  async function* body() {
    yield bytes;
  }
  await server.platform.objects.put("models", key, body());
}

/** How many requests are not answered yet. */
async function waiting(): Promise<number> {
  return (await server.platform.store.list({ kind: "async-invocation", limit: 1_000 })).records.length;
}

/** Waits until an object is there. */
async function readable(uri = "") {
  const [, bucket = "", key = ""] = /^s3:\/\/([^/]+)\/(.+)$/u.exec(uri) ?? [];
  const { objects } = server.platform;
  await vi.waitFor(async () => expect(await objects.head(bucket, key)).toBeDefined(), patiently);
  return await objects.read(bucket, key);
}

async function objectAt(uri: string | undefined): Promise<{ contentType: string | undefined; body: string }> {
  let body = "";
  for await (const chunk of await readable(uri)) body += String(chunk);
  const [, bucket = "", key = ""] = /^s3:\/\/([^/]+)\/(.+)$/u.exec(uri ?? "") ?? [];
  return { contentType: (await server.platform.objects.head(bucket, key))?.contentType, body };
}

async function metric(
  MetricName: string,
  VariantName?: string,
  statistic: "Sum" | "Maximum" | "Minimum" = VariantName === undefined ? "Maximum" : "Sum",
): Promise<number | undefined> {
  const Dimensions = [{ Name: "EndpointName", Value: EndpointName }];
  if (VariantName !== undefined) Dimensions.push({ Name: "VariantName", Value: VariantName });
  const { Datapoints = [] } = await server.cloudwatch.send(
    new GetMetricStatisticsCommand({
      ...{ Namespace: "AWS/SageMaker", MetricName, Dimensions, Period: 3600, Statistics: [statistic] },
      ...{ StartTime: new Date(Date.now() - 3600_000), EndTime: new Date(Date.now() + 3600_000) },
    }),
  );
  return Datapoints.reduce<number | undefined>((found, each) => each[statistic] ?? found, undefined);
}

async function scale(DesiredInstanceCount: number): Promise<void> {
  const DesiredWeightsAndCapacities = [{ VariantName: "All", DesiredInstanceCount }];
  const change = new UpdateEndpointWeightsAndCapacitiesCommand({ EndpointName, DesiredWeightsAndCapacities });
  await server.sagemaker.send(change);
  await inService(DesiredInstanceCount);
}

async function inService(count: number): Promise<void> {
  const describe = () => server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
  const wanted = { EndpointStatus: "InService", ProductionVariants: [{ CurrentInstanceCount: count }] };
  await vi.waitFor(async () => expect(await describe()).toMatchObject(wanted), patiently);
}

async function deploy(AsyncInferenceConfig: AsyncInferenceConfig): Promise<void> {
  const ModelDataUrl = await server.upload("model.tar.gz", modelArchive());
  const PrimaryContainer = { Image: "linear-learner", ModelDataUrl };
  const ExecutionRoleArn = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
  await server.sagemaker.send(new CreateModelCommand({ ModelName: "m", ExecutionRoleArn, PrimaryContainer }));
  const config = { EndpointConfigName: "c", ProductionVariants: [variant], AsyncInferenceConfig };
  await server.sagemaker.send(new CreateEndpointConfigCommand(config));
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName, EndpointConfigName: "c" }));
  await inService(1);
}
