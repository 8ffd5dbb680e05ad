import { text } from "node:stream/consumers";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DescribeEndpointCommand,
  SageMakerClient,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { modelArchive, type ServingServer, startServingServer } from "../../serving/testkit/serving-server.ts";
import { type Clients, type ComparisonOptions, compareEndpoint } from "./compare-endpoint.ts";

const EndpointName = "shop";
let server: ServingServer;
beforeEach(async () => {
  server = await startServingServer();
  for (const name of ["old", "new"]) {
    const ModelDataUrl = await server.upload(`${name}.tar.gz`, modelArchive());
    const PrimaryContainer = { Image: "linear-learner", ModelDataUrl, Environment: { MODEL: name } };
    const ExecutionRoleArn = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
    await server.sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn, PrimaryContainer }));
  }
  answer();
});
afterEach(() => server.close());

test("the better of two variants is found by captured predictions and ground truth, and the report goes to S3", async () => {
  await deploy(false);
  const count = 300;
  for (let n = 0; n < count; n++) await invoke(String(n));
  const from = Date.now() - 3_600_000;
  await writeTruths(count, ["not JSON", '{"groundTruthData":{}}']);
  await server.publish();
  // What was captured is written when the server stops.
  server = await server.restart();
  const { report, text: shown } = await compare({
    from,
    groundTruth: "s3://models/labels",
    output: "s3://models/reports/1",
  });
  const [live, other] = report.variants;
  expect((live?.requests ?? 0) + (other?.requests ?? 0)).toBe(count);
  expect(live).toMatchObject({ name: "Live", model: "old", role: "Production", serverErrors: 0 });
  expect(live?.latency).toMatchObject({ meanMs: expect.any(Number) });
  expect((live?.quality?.count ?? 0) + (other?.quality?.count ?? 0)).toBe(count);
  expect(live?.quality?.problem).toBe("BinaryClassification");
  expect(other?.quality?.metrics["accuracy"]?.value).toBe(1);
  // The old model is wrong in every third.
  expect(live?.quality?.metrics["accuracy"]?.value).toBeLessThan(0.8);
  expect(report.comparisons).toMatchObject([
    { variant: "Candidate", against: "Live", verdict: "better", quality: { metric: "accuracy", isPaired: false } },
  ]);
  expect(shown).toContain("**Candidate against Live: better.**");
  expect(shown).toContain("2 lines of ground truth could not be read.");
  const written = JSON.parse(
    await text(await server.platform.objects.read("models", "reports/1/report.json")),
  ) as unknown;
  expect(written).toEqual(JSON.parse(JSON.stringify(report)));
  expect(await text(await server.platform.objects.read("models", "reports/1/report.md"))).toBe(shown);
  // The other way round, and without what was asked before.
  const back = await compare({ from, groundTruth: "s3://models/labels", baseline: "Candidate" });
  expect(back.report.comparisons).toMatchObject([{ variant: "Live", against: "Candidate", verdict: "worse" }]);
  const plain = await compare({ from });
  expect(plain.report.comparisons).toMatchObject([{ verdict: "no difference shown" }]);
  expect(plain.report.variants[0]?.quality).toBeUndefined();
  await expect(compare({ from, baseline: "Nobody" })).rejects.toThrow(/no variant Nobody; it has Live, Candidate/u);
  await expect(compare({ from, groundTruth: "labels" })).rejects.toThrow(/labels is not an S3 address/u);
});

test("a shadow is compared with its variant pair by pair", async () => {
  await deploy(true);
  const count = 60;
  for (let n = 0; n < count; n++) await invoke(String(n));
  const route = server.serving.routes.lookup({ account: server.account, region: "eu-west-1", name: EndpointName });
  await vi.waitFor(() => expect(route?.variants[0]?.shadow?.copies.underWay).toBe(0), patiently);
  await writeTruths(count);
  await server.publish();
  server = await server.restart();
  const { report } = await compare({ from: Date.now() - 3_600_000, groundTruth: "s3://models/labels" });
  expect(report.variants).toMatchObject([
    { name: "Live", requests: count, quality: { count } },
    { name: "Candidate", role: "Shadow", requests: count, quality: { count } },
  ]);
  expect(report.comparisons).toMatchObject([
    { verdict: "better", quality: { isPaired: true, difference: { test: "McNemar's exact test" } } },
  ]);
  // Labels differ in every third.
  expect(report.answers).toMatchObject({ compared: count, notCopied: 0 });
  expect(report.answers?.agreeing.value).toBeCloseTo(2 / 3);
});

const patiently = { timeout: 25_000, interval: 10 };

/** Class 1 for even numbers; the old model is wrong where a number is divisible by three. */
function answer(): void {
  server.engine.behaviour = (request, response, run) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const number = Number(Buffer.concat(chunks).toString());
      const isWrong = run.spec.environment["MODEL"] === "old" && number % 3 === 0;
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({ predictions: [{ predicted_label: (number + (isWrong ? 1 : 0)) % 2 === 0 ? 1 : 0 }] }),
      );
    });
  };
}

async function deploy(isShadow: boolean): Promise<void> {
  const variant = (VariantName: string, ModelName: string) => ({
    ...{ VariantName, ModelName, InstanceType: "ml.m5.large" as const, InitialInstanceCount: 1 },
  });
  const [live, candidate] = [variant("Live", "old"), variant("Candidate", "new")];
  await server.sagemaker.send(
    new CreateEndpointConfigCommand({
      EndpointConfigName: "c",
      ...(isShadow
        ? { ProductionVariants: [live], ShadowProductionVariants: [candidate] }
        : { ProductionVariants: [live, candidate] }),
      DataCaptureConfig: {
        ...{ EnableCapture: true, InitialSamplingPercentage: 100, DestinationS3Uri: "s3://models/captured" },
        CaptureOptions: [{ CaptureMode: "InputAndOutput" }],
        CaptureContentTypeHeader: { JsonContentTypes: ["application/json"] },
      },
    }),
  );
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName, EndpointConfigName: "c" }));
  await vi.waitFor(async () => {
    const { EndpointStatus } = await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
    expect(EndpointStatus).toBe("InService");
  }, patiently);
}

async function invoke(body: string): Promise<void> {
  await server.runtime.send(
    new InvokeEndpointCommand({
      EndpointName,
      Body: Buffer.from(body),
      ContentType: "text/csv",
      InferenceId: `id-${body}`,
    }),
  );
}

async function writeTruths(count: number, more: readonly string[] = []): Promise<void> {
  const lines = Array.from({ length: count }, (_, number) =>
    JSON.stringify({
      groundTruthData: { data: number % 2 === 0 ? "1" : "0", encoding: "CSV" },
      ...{ eventMetadata: { eventId: `id-${number}` }, eventVersion: "0" },
    }),
  );
  const { s3, close } = clientsOf();
  const Key = `labels/${new Date().toISOString().slice(0, 13).replaceAll(/[-T]/gu, "/")}/labels.jsonl`;
  await s3.send(new PutObjectCommand({ Bucket: "models", Key, Body: [...lines, ...more].join("\n") }));
  close();
}

async function compare(options: Partial<ComparisonOptions>) {
  const clients = clientsOf();
  try {
    return await compareEndpoint(clients, {
      endpoint: EndpointName,
      from: 0,
      to: Date.now(),
      threshold: 0.5,
      ...options,
    });
  } finally {
    clients.close();
  }
}

function clientsOf(): Clients & { close(): void } {
  const client = { endpoint: server.address, region: "eu-west-1", credentials: server.credentials, maxAttempts: 1 };
  const [sagemaker, cloudwatch] = [new SageMakerClient(client), new CloudWatchClient(client)];
  const s3 = new S3Client({ ...client, forcePathStyle: true });
  const close = () => {
    for (const each of [sagemaker, cloudwatch, s3]) each.destroy();
  };
  return { sagemaker, cloudwatch, s3, close };
}
