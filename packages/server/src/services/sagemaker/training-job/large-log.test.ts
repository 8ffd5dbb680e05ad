import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CloudWatchLogsClient, DescribeLogStreamsCommand, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Engine } from "../../../engines/engine.ts";
import { openEngine } from "../../../engines/open-engine.ts";
import { requirements, where } from "../../../engines/requirements.ts";
import { Images } from "../../../images/images.ts";
import { silentLog } from "../../../log.ts";
import { droppedNotice } from "../../../log-gap.ts";
import { bytes, type JobServer, startJobServerOn } from "./testkit/job-server.ts";
import { nodeImages } from "./testkit/node-images.ts";

/** More than a log's limit of 1 GiB, in lines of 4 KiB. */
const program = `
  import { writeSync } from "node:fs";
  const lines = 1_150 * 256;
  const filler = "x".repeat(4_060);
  let block = "";
  for (let i = 0; i < lines; i++) {
    block += "line " + String(i).padStart(9) + " " + filler + "\\n";
    if (i % 64 === 63) {
      for (let rest = Buffer.from(block); rest.length > 0; ) {
        try { rest = rest.subarray(writeSync(1, rest)); } catch (error) { if (error.code !== "EAGAIN") throw error; }
      }
      block = "";
    }
  }
  console.log("accuracy=0.75;");
`;

where("a log of more than 1 GB", [requirements.bubblewrap, requirements.nativeSupervisor], () => {
  let world: JobServer<Engine>;
  beforeAll(async () => {
    world = await startJobServerOn(
      (directory) => openEngine({ directory, kind: "sandbox", log: silentLog }),
      new Images([nodeImages]),
    );
    await world.server.platform.objects.put("data", "code/main.mjs", bytes(program));
  }, 60_000);
  afterAll(() => world?.close());

  test("the job goes on, its log stays within its limit, and beginning, end and metrics are told", async () => {
    const name = await world.create({
      AlgorithmSpecification: {
        TrainingImage: "node:24",
        TrainingInputMode: "File",
        ContainerArguments: ["/opt/ml/input/data/code/main.mjs"],
        MetricDefinitions: [{ Name: "accuracy", Regex: "accuracy=([0-9.]+);" }],
      },
      InputDataConfig: [
        {
          ChannelName: "code",
          DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/code/" } },
        },
      ],
    });
    const job = await world.until(name, "Completed", "Failed");
    expect(job.FailureReason).toBeUndefined();
    expect(job.FinalMetricDataList).toMatchObject([{ MetricName: "accuracy", Value: 0.75 }]);
    const folder = join(world.server.platform.dataDirectory.logs, "training");
    const [file] = (await readdir(folder)).filter((each) => each.endsWith(".log"));
    const about = await stat(join(folder, file as string));
    expect(about.size).toBeGreaterThan(1.1 * 2 ** 30);
    expect(about.blocks * 512).toBeLessThan(1.01 * 2 ** 30);
    const client = new CloudWatchLogsClient(world.server.client);
    const logGroupName = "/aws/sagemaker/TrainingJobs";
    const { logStreams } = await client.send(new DescribeLogStreamsCommand({ logGroupName }));
    const stream = { logGroupName, logStreamName: logStreams?.[0]?.logStreamName as string };
    const head = await client.send(new GetLogEventsCommand({ ...stream, startFromHead: true, limit: 5 }));
    expect(head.events?.some(({ message }) => message?.startsWith("line         0 "))).toBe(true);
    const tail = await client.send(new GetLogEventsCommand({ ...stream, limit: 2 }));
    expect(tail.events?.map(({ message }) => message?.slice(0, 14))).toEqual(["line    294399", "accuracy=0.75;"]);
    // Somewhere a line stands for those that are missing: pages from the beginning come to it.
    let nextToken = head.nextForwardToken;
    let isTold = false;
    for (let pages = 0; pages < 400 && !isTold; pages++) {
      const page = await client.send(new GetLogEventsCommand({ ...stream, nextToken, startFromHead: true }));
      isTold = (page.events ?? []).some(({ message }) => message === droppedNotice);
      nextToken = page.nextForwardToken;
    }
    expect(isTold).toBe(true);
    client.destroy();
  }, 180_000);
});
