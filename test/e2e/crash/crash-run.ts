import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SageMakerClient } from "@aws-sdk/client-sagemaker";
import type { PlatformProcess } from "../../../bench/support/platform.ts";
import { startPlatform } from "../../../bench/support/platform.ts";
import { sagebrush } from "../../conformance/server.ts";
import { deploy, invokeAgain } from "./endpoint.ts";
import type { Clients, Lane } from "./lanes.ts";
import { bucket, jobLane, modelLane, multipartLane, objectLane } from "./lanes.ts";

/** Names of each lane that are read back after a kill, about. */
const sampleSize = 10;

/** What a run found. */
export interface CrashReport {
  readonly kills: number;
  /** Writes that were acknowledged, of all lanes. */
  readonly acknowledged: number;
  /** Training jobs among them. */
  readonly jobs: number;
  /** One line for each name that does not hold what it must. */
  readonly lost: readonly string[];
  /** Seconds from each restart to the first answer. */
  readonly restartSeconds: readonly number[];
  /** Seconds from then until an endpoint that was up before answered again. */
  readonly invokeSeconds: readonly number[];
}

/**
 * Kills the server again and again, at random moments of uploads, changes and jobs, starts it again on its data, and
 * checks that every acknowledged object and record is whole (a sample after every kill, everything at the end), that every
 * job completes, and that an endpoint which was up answers again.
 * @param onKill - Told after every kill and check.
 */
export async function crashRun({
  kills,
  jobs,
  onKill = () => {},
}: {
  kills: number;
  jobs: number;
  onKill?: (count: number) => void;
}): Promise<CrashReport> {
  const folder = mkdtempSync(join(tmpdir(), "sagebrush-crash-"));
  const lost = new Set<string>();
  const restartSeconds: number[] = [];
  const invokeSeconds: number[] = [];
  let platform = await startPlatform(folder);
  const clients = connect(platform);
  const port = Number(new URL(platform.url).port);
  const lanes: Lane[] = [
    objectLane("tiny", 40, 500),
    objectLane("small", 40, 8_000),
    objectLane("small-too", 40, 8_000),
    objectLane("medium", 20, 300_000),
    objectLane("large", 6, 4_000_000),
    multipartLane("parts"),
    modelLane("model"),
    jobLane("job", jobs),
  ];
  const check = async (lane: Lane, names: readonly string[]): Promise<void> => {
    for (const name of names) {
      const wrong = lane.ledger.check(name, await lane.read(clients, name));
      if (wrong !== undefined) lost.add(wrong);
    }
  };
  try {
    await prepare(clients);
    await deploy(platform);
    for (let count = 1; count <= kills; count++) {
      let isDead = false;
      const working = lanes.map(async (lane) => {
        while (!isDead) await lane.step(clients);
      });
      // The moment of the kill is the experiment; nothing is waited for.
      await delay(20 + Math.random() * 600);
      isDead = true;
      await platform.kill();
      await Promise.all(working);
      const started = performance.now();
      platform = await startPlatform(folder, port);
      restartSeconds.push((performance.now() - started) / 1000);
      const answered = await invokeAgain(platform);
      if (typeof answered === "string") lost.add(answered);
      else invokeSeconds.push(answered);
      for (const lane of lanes) if (lane.isQuickToRead) await check(lane, sample(lane.ledger.names));
      onKill(count);
    }
    for (const lane of lanes) await check(lane, lane.ledger.names);
    return {
      kills,
      acknowledged: lanes.reduce((sum, { ledger }) => sum + ledger.acknowledgements, 0),
      jobs: lanes.at(-1)?.ledger.acknowledgements ?? 0,
      lost: [...lost],
      restartSeconds,
      invokeSeconds,
    };
  } finally {
    clients.s3.destroy();
    clients.sagemaker.destroy();
    await platform.stop();
    sagebrush(folder, "down", "--all");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A few of many, another few each time. */
function sample(names: readonly string[]): string[] {
  return names.filter(() => Math.random() * names.length < sampleSize);
}

function connect({ url, credentials }: PlatformProcess): Clients {
  const options = { endpoint: url, region: "us-east-1", credentials, maxAttempts: 1 };
  return { s3: new S3Client({ ...options, forcePathStyle: true }), sagemaker: new SageMakerClient(options) };
}

async function prepare({ s3 }: Clients): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const rows = Array.from(
    { length: 400 },
    (_, index) => `${index % 2},${Math.sin(index)},${(index % 2) + Math.cos(index)}`,
  );
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: "training/data.csv", Body: `${rows.join("\n")}\n` }));
  await s3.send(
    new PutObjectCommand({ Bucket: bucket, Key: "model.tar.gz", Body: "models refer to it; nothing reads it" }),
  );
}
