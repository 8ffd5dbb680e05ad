import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PlatformProcess, startPlatform } from "../../bench/support/platform.ts";
import { sagebrush } from "../conformance/server.ts";

let folder: string;
let platform: PlatformProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-backup-"));
  platform = await startPlatform(join(folder, "data"));
});
afterAll(async () => {
  await platform.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("a backup of a server at work restores to a server with the same keys and whole objects", async () => {
  const s3 = connect(platform);
  await s3.send(new CreateBucketCommand({ Bucket: "kept" }));
  // Small ones ride in the records, large ones are files; some are overwritten while the backup runs.
  const bodyOf = (index: number) => `object ${index} `.repeat(index % 3 === 0 ? 20_000 : 5);
  for (let index = 0; index < 60; index++) await put(s3, index, bodyOf(index));
  let isOver = false;
  const busy = (async () => {
    for (let index = 0; !isOver; index = (index + 1) % 60) await put(s3, index, bodyOf(index));
  })();
  const saved = join(folder, "saved");
  await sagebrushBeside(join(folder, "data"), "backup", saved);
  isOver = true;
  await busy;
  await platform.stop();
  const restored = join(folder, "restored");
  sagebrush(restored, "restore", saved);
  platform = await startPlatform(restored);
  const again = connect(platform);
  const { Contents } = await again.send(new ListObjectsV2Command({ Bucket: "kept" }));
  expect(Contents).toHaveLength(60);
  for (let index = 0; index < 60; index++) {
    const answer = await again.send(new GetObjectCommand({ Bucket: "kept", Key: String(index) }));
    expect(await answer.Body?.transformToString()).toBe(bodyOf(index));
  }
});

function connect({ url, credentials }: PlatformProcess): S3Client {
  return new S3Client({ endpoint: url, region: "us-east-1", credentials, forcePathStyle: true });
}

async function put(s3: S3Client, index: number, Body: string): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: "kept", Key: String(index), Body }));
}

/** Runs the command without holding up this process, which keeps the server busy meanwhile. */
async function sagebrushBeside(dataDirectory: string, ...args: readonly string[]): Promise<void> {
  const [name = "", ...rest] = args;
  const command = join(import.meta.dirname, "..", "..", "bin", "sagebrush");
  const child = spawn(process.execPath, [command, name, "--data-dir", dataDirectory, ...rest], { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  expect(code).toBe(0);
}
