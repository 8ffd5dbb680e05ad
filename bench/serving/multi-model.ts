import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { basename, join } from "node:path";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  SageMakerClient,
  waitUntilEndpointInService,
} from "@aws-sdk/client-sagemaker";
import { InvokeEndpointCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { EndpointClient, modelSocket } from "../support/endpoint.ts";
import { linearModelArchive } from "../support/linear-model.ts";
import { startPlatform } from "../support/platform.ts";
import { type Figure, median, quantile } from "../support/report.ts";
import type { ServingBench } from "./serving-bench.ts";

const bucket = "bench-multi-model";
const role = "arn:aws:iam::000000000000:role/SagebrushExecutionRole";
/** Four bytes each: 10 MB, and 100 KB. */
const [largeFeatures, smallFeatures] = [2_600_000, 25_000];
const models = 1_000;
/** Room for a part of the small models. */
const cacheMegabytes = 64;
const requestsForMedian = 400;

/**
 * Two multi-model endpoints of the linear learner: the first requests to models of 10 MB, one after the other, and one with 1,000
 * models of which its memory may hold two thirds. Requests are signed and go through the gateway; the client is the AWS SDK.
 */
export const multiModel: ServingBench = {
  name: "multi-model",
  async measure({ work, repeats }) {
    const data = join(work, "multi-model");
    mkdirSync(data);
    const platform = await startPlatform(data);
    const client = { endpoint: platform.url, region: "us-east-1", credentials: platform.credentials, maxAttempts: 1 };
    const [s3, sagemaker] = [new S3Client({ ...client, forcePathStyle: true }), new SageMakerClient(client)];
    const runtime = new SageMakerRuntimeClient(client);
    const endpoints = new EndpointClient(platform);
    const put = (Key: string, Body: Buffer) => s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
    const deploy = async (name: string, Environment: Record<string, string>) => {
      const PrimaryContainer = {
        ...({ Image: "linear-learner", Mode: "MultiModel" } as const),
        ...{ ModelDataUrl: `s3://${bucket}/${name}/`, Environment },
      } as const;
      await sagemaker.send(new CreateModelCommand({ ModelName: name, ExecutionRoleArn: role, PrimaryContainer }));
      const variant = {
        VariantName: "All",
        ModelName: name,
        InstanceType: "ml.m5.large",
        InitialInstanceCount: 1,
      } as const;
      await sagemaker.send(
        new CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants: [variant] }),
      );
      await sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
      await waitUntilEndpointInService(
        { client: sagemaker, minDelay: 0.05, maxDelay: 0.05, maxWaitTime: 60 },
        { EndpointName: name },
      );
    };
    /** Asks a model for one row. @returns Milliseconds. */
    const ask = async (EndpointName: string, TargetModel: string, features: number): Promise<number> => {
      const row = { keys: [1, 2, 3], shape: [features], values: [1, 2, 3] };
      const Body = Buffer.from(JSON.stringify({ instances: [{ data: { features: row } }] }));
      const startedAt = performance.now();
      await runtime.send(
        new InvokeEndpointCommand({ EndpointName, TargetModel, ContentType: "application/json", Body }),
      );
      return performance.now() - startedAt;
    };
    try {
      await s3.send(new CreateBucketCommand({ Bucket: bucket }));
      await deploy("large", {});
      const cold: number[] = [];
      // The first one is not counted: the model server reads its own code for it.
      for (let n = 0; n <= repeats * 4; n++) {
        await put(`large/${n}.tar.gz`, await linearModelArchive(largeFeatures));
        const milliseconds = await ask("large", `${n}.tar.gz`, largeFeatures);
        if (n > 0) cold.push(milliseconds);
      }
      await endpoints.remove("large");

      await deploy("small", { SAGEBRUSH_MODEL_CACHE_MB: String(cacheMegabytes) });
      const archive = await linearModelArchive(smallFeatures);
      for (let n = 0; n < models; n++) await put(`small/${n}.tar.gz`, archive);
      const warm = async () => {
        const times: number[] = [];
        for (let n = 0; n < requestsForMedian; n++) times.push(await ask("small", "0.tar.gz", smallFeatures));
        return median(times.slice(requestsForMedian / 4));
      };
      await warm();
      const alone = await warm();
      const idleBytes = residentBytes(work);
      for (let n = 0; n < models; n++) await ask("small", `${n}.tar.gz`, smallFeatures);
      await ask("small", "0.tar.gz", smallFeatures);
      const amongMany = await warm();
      const loaded = await loadedModels(modelSocket(data));
      const usedMegabytes = (loaded * smallFeatures * 4) / 1024 ** 2;
      const grownMegabytes = (residentBytes(work) - idleBytes) / 1024 ** 2;
      return [
        {
          what: "multi-model, first request to a model of 10 MB, median",
          value: median(cold),
          unit: "ms",
          must: "<= 100",
        },
        { what: "multi-model, the slowest of them", value: quantile(cold, 1), unit: "ms" },
        {
          ...{
            what: `multi-model, ${models} models of 100 KB asked: those that stay loaded`,
            value: usedMegabytes,
            unit: "MB",
          },
          must: `<= ${cacheMegabytes}`,
        },
        { what: "multi-model, the server's memory for them, above one model", value: grownMegabytes, unit: "MB" },
        {
          ...{
            what: "multi-model, p50 of a warm model among them, against alone",
            value: amongMany / alone,
            unit: "x",
          },
          must: "<= 1.1",
        },
        { what: "multi-model, p50 of a warm model alone", value: alone, unit: "ms" },
      ] satisfies Figure[];
    } finally {
      for (const name of ["large", "small"]) await endpoints.remove(name).catch(() => undefined);
      for (const each of [endpoints]) each.close();
      for (const each of [s3, sagemaker, runtime]) each.destroy();
      await platform.stop();
    }
  },
};

/** What the model server of the endpoint has in memory, in bytes: the one that sees something of our folder. */
function residentBytes(work: string): number {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/u.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (!words[0]?.endsWith("node") || !words[1]?.endsWith("sagebrush-algorithm.mjs")) continue;
      if (!readFileSync(`/proc/${pid}/mountinfo`, "utf8").includes(`/${basename(work)}/`)) continue;
      return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096;
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error("there is no model server");
}

/** How many models the server holds, page by page. */
async function loadedModels(socketPath: string): Promise<number> {
  let count = 0;
  for (let token: string | undefined = ""; token !== undefined; ) {
    const path: string = `/models${token && `?next_page_token=${token}`}`;
    const text = await new Promise<string>((resolve, reject) => {
      const call = request({ socketPath, path }, (answer) => {
        answer.toArray().then((chunks: Buffer[]) => resolve(Buffer.concat(chunks).toString()), reject);
      });
      call.once("error", reject);
      call.end();
    });
    const page = JSON.parse(text) as { models: unknown[]; nextPageToken?: string };
    count += page.models.length;
    token = page.nextPageToken;
  }
  return count;
}
