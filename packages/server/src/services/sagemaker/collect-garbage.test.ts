import { access, mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CloudWatchLogsClient, DescribeLogStreamsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { logRetentionDays } from "../logs/collect-logs.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { type JobServer, startJobServer } from "./training-job/testkit/job-server.ts";
import { logLines } from "./training-job/testkit/scripted-engine.ts";

let world: JobServer;
beforeAll(async () => {
  world = await startJobServer();
});
afterAll(() => world.close());

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

test("collects orphans and old logs, and leaves what a running job needs", async () => {
  const { engine, server } = world;
  const { dataDirectory, clock } = server.platform;
  const collect = (now = clock.now()) => collectGarbage({ ...server.platform, engine, clock: { now: () => now } });

  engine.algorithm = async (run) => {
    await logLines(run, "a line");
  };
  const running = await world.create();
  await expect.poll(() => engine.running.length).toBe(1);
  const [live] = engine.running;
  await mkdir(join(dataDirectory.runs, "t-0123456789ab-1/ml/model"), { recursive: true });
  const stray = join(dataDirectory.logs, "training/t-0123456789ab-1.log");
  await writeFile(stray, "");
  await utimes(stray, 1, 1);

  expect(await collect()).toEqual({ runs: 0, runFolders: 1, logs: 1 });
  expect(await exists(live?.spec.mlDirectory as string)).toBe(true);
  // However quiet it is, a live run keeps its log.
  const later = clock.now() + (logRetentionDays + 1) * 24 * 3600 * 1000;
  expect(await collect(later)).toEqual({ runs: 0, runFolders: 0, logs: 0 });

  engine.exit(live?.id as string, 0);
  await world.until(running, "Completed");
  await expect.poll(() => exists(join(live?.spec.mlDirectory as string, ".."))).toBe(false);
  const logs = new CloudWatchLogsClient(server.client);
  const streams = () =>
    logs.send(
      new DescribeLogStreamsCommand({
        logGroupName: "/aws/sagemaker/TrainingJobs",
        logStreamNamePrefix: `${running}/`,
      }),
    );
  expect((await streams()).logStreams).toHaveLength(1);
  expect(await collect()).toEqual({ runs: 0, runFolders: 0, logs: 0 });
  expect(await collect(later)).toEqual({ runs: 0, runFolders: 0, logs: 1 });
  expect((await streams()).logStreams).toHaveLength(0);
});
