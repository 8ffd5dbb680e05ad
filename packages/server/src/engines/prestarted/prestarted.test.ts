import { existsSync } from "node:fs";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  CreateTransformJobCommand,
  DeleteEndpointCommand,
  DescribeEndpointCommand,
  DescribeTransformJobCommand,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { saveModel } from "../../../../algorithms/src/linear-learner/artifact.ts";
import { silentLog } from "../../log.ts";
import { type ServingServer, startServerWith } from "../../serving/testkit/serving-server.ts";
import { tarGzOf } from "../../serving/testkit/tar-builder.ts";
import { type Engine, isIsolated } from "../engine.ts";
import { openEngine } from "../open-engine.ts";
import { PrestartedEngine } from "./prestarted-engine.ts";
import { sparePrefix } from "./spare.ts";

/** Real sandboxes of the built-in algorithm's server; set-up bundles it. Without isolation nothing is started in advance. */
const bundle = new URL("../../../../algorithms/.build/sagebrush-algorithm.mjs", import.meta.url);
const trial = await openEngine({ directory: await mkdtemp(join(tmpdir(), "sb-")), kind: "auto", log: silentLog });
const canIsolate = isIsolated(trial, "files") && existsSync(bundle);
await trial.close();
const patiently = { timeout: 30_000, interval: 20 };
const [mine, theirs] = ["SagebrushExecutionRole", "SageMakerRole"];

let root: string;
/** Under the names of the engine itself. */
let inner: Engine;
let server: ServingServer<PrestartedEngine>;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sb-"));
  server = await startServerWith(await engineOf(), { root });
});
afterEach(async () => {
  for (const id of await server.engine.list()) await server.engine.remove(id);
  await server.close();
});

test.skipIf(!canIsolate)("a spare takes the next model of its role, and nobody else's", async () => {
  await deploy("first", mine, 1);
  const [ofFirst] = await server.engine.list();
  expect(await inner.list()).toContain(ofFirst);
  const spare = await spareOf();
  // Another role has no part in it.
  await deploy("foreign", theirs, 1);
  const foreign = (await server.engine.list()).find((id) => id !== ofFirst) as string;
  expect(await inner.list()).toContain(foreign);
  expect(server.engine.waiting).toContain(spare);
  await deploy("second", mine, -1);
  const second = (await server.engine.list()).find((id) => id !== ofFirst && id !== foreign) as string;
  expect(await inner.list()).not.toContain(second);
  expect(await inner.observe(spare)).toEqual(await server.engine.observe(second));
  // Each answers with its own model, and what it prints is in its own log.
  expect([await invoke("first"), await invoke("second")]).toEqual([1, 0]);
  expect(await readFile(join(root, "logs", `${second}.log`), "utf8")).toMatch(/ready for requests/u);
  // A new server finds the run under its name, and no spare of before.
  await server.stop();
  await server.engine.close();
  server = await startServerWith(await engineOf(), { root });
  expect(await invoke("second")).toBe(0);
  expect(await server.engine.list()).toContain(second);
  for (const EndpointName of ["first", "foreign", "second"]) {
    await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName }));
  }
  await vi.waitFor(async () => expect(await server.engine.list()).toEqual([]), patiently);
  await vi.waitFor(
    async () => expect((await inner.list()).filter((id) => !id.startsWith("w-"))).toEqual([]),
    patiently,
  );
  expect(await inner.list()).not.toContain(spare);
});

test.skipIf(!canIsolate)("a spare that has died is no loss: the run is started as any other", async () => {
  await deploy("first", mine, 1);
  const spare = await spareOf();
  await inner.stop(spare, 0);
  await vi.waitFor(async () => expect((await inner.observe(spare)).phase).toBe("exited"), patiently);
  await deploy("second", mine, -1);
  expect(await invoke("second")).toBe(0);
  expect(await inner.list()).not.toContain(spare);
});

test.skipIf(!canIsolate)("a model that cannot be loaded ends a spare as it ends any server", async () => {
  await deploy("first", mine, 1);
  await spareOf();
  const archive = tarGzOf([{ path: "nonsense", content: "no model" }]);
  await create("broken", mine, archive);
  await vi.waitFor(async () => {
    const described = await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName: "broken" }));
    expect(described).toMatchObject({
      EndpointStatus: "Failed",
      FailureReason: expect.stringMatching(/The model cannot be loaded/u),
    });
  }, patiently);
});

test.skipIf(!canIsolate)(
  "a transform job has the machine to itself: the next one's server starts behind it",
  async () => {
    let beside: string[] | undefined;
    const start = inner.start.bind(inner);
    inner.start = async (id, spec) => {
      if (id.startsWith(sparePrefix)) beside = await inner.list();
      await start(id, spec);
    };
    await createModel("batch", mine, await archiveOf(1));
    const S3Uri = await server.upload("in/rows.csv", Buffer.from("1,2\n-1,-2\n"));
    await server.sagemaker.send(
      new CreateTransformJobCommand({
        TransformJobName: "first",
        ModelName: "batch",
        TransformInput: { DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri } }, ContentType: "text/csv" },
        TransformOutput: { S3OutputPath: "s3://models/out" },
        TransformResources: { InstanceType: "ml.m5.large", InstanceCount: 1 },
      }),
    );
    await spareOf();
    expect(beside).toEqual([]);
    const job = await server.sagemaker.send(new DescribeTransformJobCommand({ TransformJobName: "first" }));
    expect(job.TransformJobStatus).toBe("Completed");
  },
);

async function engineOf(): Promise<PrestartedEngine> {
  inner = await openEngine({ directory: join(root, ".engine"), kind: "auto", log: silentLog });
  const directory = join(root, ".engine", "prestarted");
  return await PrestartedEngine.open({ engine: inner, directory, most: 2, afterMs: 50, log: silentLog });
}

/** Waits until a spare waits. @returns Its name for the engine inside. */
async function spareOf(): Promise<string> {
  await vi.waitFor(() => expect(server.engine.waiting).not.toEqual([]), patiently);
  return server.engine.waiting[0] as string;
}

/** A classifier of two features that says 1 when `sign` times their sum is positive. */
async function archiveOf(sign: number): Promise<Buffer> {
  const folder = await mkdtemp(join(root, "model-"));
  const linear = { features: 2, outputs: 1, weights: Float32Array.of(sign, sign), bias: Float32Array.of(0) };
  await saveModel(folder, { predictorType: "binary_classifier", loss: "logistic", threshold: 0, linear });
  return tarGzOf([{ path: "model_algo-1", content: await readFile(join(folder, "model_algo-1")) }]);
}

/** An endpoint of such a classifier. */
async function deploy(name: string, role: string, sign: number): Promise<void> {
  await create(name, role, await archiveOf(sign));
  await vi.waitFor(async () => {
    const { EndpointStatus } = await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName: name }));
    expect(EndpointStatus).toBe("InService");
  }, patiently);
}

async function createModel(name: string, role: string, archive: Buffer): Promise<void> {
  const PrimaryContainer = { Image: "linear-learner", ModelDataUrl: await server.upload(`${name}.tar.gz`, archive) };
  const ExecutionRoleArn = `arn:aws:iam::123456789012:role/${role}`;
  await server.sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn, PrimaryContainer }));
}

async function create(name: string, role: string, archive: Buffer): Promise<void> {
  await createModel(name, role, archive);
  const variant = {
    VariantName: "All",
    ModelName: name,
    InstanceType: "ml.m5.large" as const,
    InitialInstanceCount: 1,
  };
  await server.sagemaker.send(
    new CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants: [variant] }),
  );
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
}

async function invoke(EndpointName: string): Promise<number> {
  const input = { EndpointName, ContentType: "text/csv", Body: Buffer.from("1,2") };
  const answer = await server.runtime.send(new InvokeEndpointCommand(input));
  return JSON.parse(Buffer.from(answer.Body).toString()).predictions[0].predicted_label;
}
