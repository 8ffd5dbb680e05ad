import { text } from "node:stream/consumers";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  type DataCaptureConfig,
  DeleteEndpointCommand,
  DescribeEndpointCommand,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, type InvokeEndpointCommandInput } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { modelArchive, type ServingServer, startServingServer } from "../testkit/serving-server.ts";

let server: ServingServer;
beforeEach(async () => {
  server = await startServingServer();
  await server.upload("model.tar.gz", modelArchive());
});
afterEach(() => server.close());

const both: DataCaptureConfig = {
  EnableCapture: true,
  InitialSamplingPercentage: 100,
  DestinationS3Uri: "s3://models/captured/",
  CaptureOptions: [{ CaptureMode: "Input" }, { CaptureMode: "Output" }],
  CaptureContentTypeHeader: { CsvContentTypes: ["text/csv"], JsonContentTypes: ["application/json"] },
};

test("requests and answers are lines of one object under the documented key", async () => {
  await deploy("seen", both);
  server.engine.behaviour = (request, response) => {
    request.resume().on("end", () => response.setHeader("content-type", "application/json").end('{"score":1}'));
  };
  await invoke({
    EndpointName: "seen",
    ContentType: "text/csv; charset=utf-8",
    Body: Buffer.from("1,2\n"),
    InferenceId: "id-7",
  });
  await invoke({ EndpointName: "seen", ContentType: "image/png", Body: Buffer.from([0, 255]) });
  // A failed request leaves nothing.
  server.engine.behaviour = (request, response) => {
    request.resume().on("end", () => response.writeHead(500).end("no"));
  };
  await expect(invoke({ EndpointName: "seen", Body: Buffer.from("bad") })).rejects.toMatchObject({
    name: "ModelError",
  });
  // An endpoint that goes writes what it has.
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName: "seen" }));
  const [lines, key] = await captured(1);
  expect(key).toMatch(/^captured\/seen\/All\/\d{4}\/\d\d\/\d\d\/\d\d\/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl$/u);
  expect(lines).toEqual([
    {
      captureData: {
        endpointInput: {
          observedContentType: "text/csv; charset=utf-8",
          mode: "INPUT",
          data: "1,2\n",
          encoding: "CSV",
        },
        endpointOutput: {
          observedContentType: "application/json",
          mode: "OUTPUT",
          data: '{"score":1}',
          encoding: "JSON",
        },
      },
      eventMetadata: {
        eventId: expect.stringMatching(/^[0-9a-f-]{36}$/u),
        inferenceId: "id-7",
        inferenceTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/u),
      },
      eventVersion: "0",
    },
    {
      captureData: {
        endpointInput: { observedContentType: "image/png", mode: "INPUT", data: "AP8=", encoding: "BASE64" },
        endpointOutput: {
          observedContentType: "application/json",
          mode: "OUTPUT",
          data: '{"score":1}',
          encoding: "JSON",
        },
      },
      eventMetadata: expect.not.objectContaining({ inferenceId: expect.anything() }),
      eventVersion: "0",
    },
  ]);
});

test("a share of requests, and only the side that is asked for; long answers are whole", async () => {
  await deploy("half", { ...both, InitialSamplingPercentage: 50, CaptureOptions: [{ CaptureMode: "Output" }] });
  const long = "x".repeat(200_000);
  server.engine.behaviour = (request, response) => {
    request.resume().on("end", () => response.setHeader("content-type", "text/csv").end(long));
  };
  for (let n = 0; n < 60; n++) await invoke({ EndpointName: "half", Body: Buffer.from("x") });
  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName: "half" }));
  const bodies: unknown[] = [];
  await vi.waitFor(async () => {
    const [lines] = await captured(1);
    bodies.splice(0, bodies.length, ...lines.map(({ captureData }) => captureData));
    // 30 expected: six standard deviations are 23.
    expect(bodies.length).toBeGreaterThan(7);
  });
  expect(bodies.length).toBeLessThan(53);
  const side = { observedContentType: "text/csv", mode: "OUTPUT", data: long, encoding: "CSV" };
  expect(bodies.every((body) => JSON.stringify(body) === JSON.stringify({ endpointOutput: side }))).toBe(true);
});

test("what is waiting is written when the server stops, and nothing is kept without being asked", async () => {
  await deploy("stops", both);
  await deploy("silent", { ...both, EnableCapture: false });
  for (const EndpointName of ["stops", "silent"]) await invoke({ EndpointName, Body: Buffer.from("x") });
  server = await server.restart();
  const [lines, key] = await captured(1);
  expect(lines).toHaveLength(1);
  expect(key).toMatch(/^captured\/stops\//u);
});

test("a place that is not there is refused at once", async () => {
  for (const [name, DestinationS3Uri] of [
    ["lost", "s3://nowhere/x"],
    ["empty", "s3://"],
  ] as const) {
    await expect(deploy(name, { ...both, DestinationS3Uri })).rejects.toThrow(/DataCaptureConfig|destinationS3Uri/u);
  }
});

interface Line {
  readonly captureData: unknown;
  readonly eventMetadata: unknown;
  readonly eventVersion: string;
}

/** The lines of all objects, when there are so many objects, and the first one's key. */
async function captured(objects: number): Promise<[Line[], string]> {
  const catalogue = server.platform.objects;
  return await vi.waitFor(
    async () => {
      const keys: string[] = [];
      for await (const { key } of catalogue.list("models", "captured/")) keys.push(key);
      expect(keys.length).toBeGreaterThanOrEqual(objects);
      const texts = await Promise.all(keys.map(async (key) => text(await catalogue.read("models", key))));
      const lines = texts.flatMap((each) => each.trimEnd().split("\n")).map((line) => JSON.parse(line) as Line);
      return [lines, keys[0] as string];
    },
    { timeout: 15_000, interval: 20 },
  );
}

async function invoke(input: InvokeEndpointCommandInput): Promise<void> {
  await server.runtime.send(new InvokeEndpointCommand(input));
}

async function deploy(name: string, DataCaptureConfig: DataCaptureConfig): Promise<void> {
  const PrimaryContainer = { Image: "linear-learner", ModelDataUrl: "s3://models/model.tar.gz" };
  const ExecutionRoleArn = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
  await server.sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn, PrimaryContainer }));
  const variant = {
    VariantName: "All",
    ModelName: name,
    InstanceType: "ml.m5.large" as const,
    InitialInstanceCount: 1,
  };
  await server.sagemaker.send(
    new CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants: [variant], DataCaptureConfig }),
  );
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
  const describe = () => server.sagemaker.send(new DescribeEndpointCommand({ EndpointName: name }));
  await vi.waitFor(async () => expect(await describe()).toMatchObject({ EndpointStatus: "InService" }), {
    timeout: 20_000,
    interval: 10,
  });
}
