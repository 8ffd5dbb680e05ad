import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloudWatchLogsClient, DescribeLogStreamsCommand, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DeleteEndpointCommand,
  DescribeEndpointCommand,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand } from "@aws-sdk/client-sagemaker-runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { saveModel } from "../../../algorithms/src/linear-learner/artifact.ts";
import type { Engine } from "../engines/engine.ts";
import { openEngine } from "../engines/open-engine.ts";
import { silentLog } from "../log.ts";
import { type ServingServer, startServerWith } from "./testkit/serving-server.ts";
import { tarGzOf } from "./testkit/tar-builder.ts";

/** Real processes of the built-in algorithm's server; set-up bundles it. */
const bundle = new URL("../../../algorithms/.build/sagebrush-algorithm.mjs", import.meta.url);
const patiently = { timeout: 20_000, interval: 20 };

let root: string;
let server: ServingServer<Engine>;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sb-"));
  server = await startServerWith(await engineOf(root), { root });
});
afterEach(async () => {
  for (const id of await server.engine.list()) await server.engine.remove(id);
  await server.close();
});

test.skipIf(!existsSync(bundle))("model processes outlive the server and are replaced when they die", async () => {
  await deploy("real");
  expect(await invoke("real")).toMatchObject({ predictions: [{ predicted_label: 1 }] });
  const logs = new CloudWatchLogsClient({
    ...{ endpoint: server.address, region: "eu-west-1" },
    credentials: server.credentialStore.root,
  });
  await expect(invoke("real", "image/png")).rejects.toMatchObject({
    name: "ModelError",
    OriginalStatusCode: 415,
    OriginalMessage: expect.stringContaining("image/png"),
  });
  const [run] = await server.engine.list();
  // What a container prints is there under the names that SageMaker has for it.
  const { logStreams } = await logs.send(
    new DescribeLogStreamsCommand({ logGroupName: "/aws/sagemaker/Endpoints/real" }),
  );
  expect(logStreams).toMatchObject([{ logStreamName: expect.stringMatching(/^AllTraffic\/i-[0-9a-f]{17}$/u) }]);
  const { events } = await logs.send(
    new GetLogEventsCommand({
      logGroupName: "/aws/sagemaker/Endpoints/real",
      logStreamName: logStreams?.[0]?.logStreamName,
      startFromHead: true,
    }),
  );
  expect(events?.map(({ message }) => message)).toContainEqual(expect.stringMatching(/ready for requests/u));
  logs.destroy();

  await server.stop();
  await server.engine.close();
  server = await startServerWith(await engineOf(root), { root });
  expect(await invoke("real")).toMatchObject({ predictions: [{ predicted_label: 1 }] });
  expect(await server.engine.list()).toEqual([run]);

  await server.engine.stop(run as string, 0);
  await vi.waitFor(async () => {
    expect(await server.engine.list()).not.toContain(run);
    expect(await invoke("real")).toMatchObject({ predictions: [{ predicted_label: 1 }] });
  }, patiently);
  const described = await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName: "real" }));
  expect(described.EndpointStatus).toBe("InService");

  await server.sagemaker.send(new DeleteEndpointCommand({ EndpointName: "real" }));
  await vi.waitFor(async () => expect(await server.engine.list()).toEqual([]), patiently);
});

test.skipIf(!existsSync(bundle))("no request fails when one of two model processes is killed under load", async () => {
  await deploy("doubled", 2);
  const failures: unknown[] = [];
  let [answers, isOver] = [0, false];
  const callers = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      await invoke("doubled").then(
        () => answers++,
        (error: unknown) => failures.push(error),
      );
    }
  });
  for (const run of await server.engine.list()) {
    const before = answers;
    await server.engine.stop(run, 0);
    await vi.waitFor(async () => {
      // A successor is started when the record names the dead one no more, and counted when it answers.
      const runs = await server.engine.list();
      expect(runs).toHaveLength(2);
      expect(runs).not.toContain(run);
      const described = await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName: "doubled" }));
      expect(described.ProductionVariants?.[0]?.CurrentInstanceCount).toBe(2);
      expect(answers).toBeGreaterThan(before + 50);
    }, patiently);
  }
  isOver = true;
  await Promise.all(callers);
  expect(failures).toEqual([]);
});

async function engineOf(folder: string): Promise<Engine> {
  return await openEngine({ directory: join(folder, ".engine"), kind: "auto", log: silentLog });
}

/** A classifier of two features that says 1 when their sum is positive. */
async function deploy(name: string, instances = 1): Promise<void> {
  const folder = join(root, "model");
  await mkdir(folder);
  const linear = { features: 2, outputs: 1, weights: Float32Array.of(1, 1), bias: Float32Array.of(0) };
  await saveModel(folder, { predictorType: "binary_classifier", loss: "logistic", threshold: 0, linear });
  const archive = tarGzOf([{ path: "model_algo-1", content: await readFile(join(folder, "model_algo-1")) }]);
  const PrimaryContainer = { Image: "linear-learner", ModelDataUrl: await server.upload("model.tar.gz", archive) };
  const role = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
  await server.sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn: role, PrimaryContainer }));
  const variant = {
    VariantName: "AllTraffic",
    ModelName: name,
    InstanceType: "ml.m5.large" as const,
    InitialInstanceCount: instances,
  };
  await server.sagemaker.send(
    new CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants: [variant] }),
  );
  await server.sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
  await vi.waitFor(async () => {
    const { EndpointStatus } = await server.sagemaker.send(new DescribeEndpointCommand({ EndpointName: name }));
    expect(EndpointStatus).toBe("InService");
  }, patiently);
}

async function invoke(EndpointName: string, ContentType = "text/csv"): Promise<unknown> {
  const input = { EndpointName, ContentType, Body: Buffer.from("1,2") };
  const answer = await server.runtime.send(new InvokeEndpointCommand(input));
  return JSON.parse(Buffer.from(answer.Body).toString());
}
