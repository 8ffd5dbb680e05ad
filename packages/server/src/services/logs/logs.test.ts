import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  CloudWatchLogsClient,
  DeleteRetentionPolicyCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  PutRetentionPolicyCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../gateway/testkit.ts";
import { logsService } from "./service.ts";
import { ensureStream } from "./streams.ts";

const logGroupName = "/aws/sagemaker/TrainingJobs";
const scope = { partition: "aws", account: "111122223333", region: "us-west-2" };
let server: TestServer;
let logs: CloudWatchLogsClient;
let streams = 0;

beforeAll(async () => {
  server = await startTestServer({ services: [logsService] });
  logs = new CloudWatchLogsClient(server.client);
});
afterAll(() => server.close());

/** A stream with lines `[time, text]`. */
async function stream(lines: readonly (readonly [number, string])[], name = `job-${++streams}/algo-1-1`) {
  const file = `test/${name.replaceAll("/", "-")}.log`;
  const path = join(server.platform.dataDirectory.logs, file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, asText(lines));
  await ensureStream(server.platform.store, scope, logGroupName, name, file);
  return { logStreamName: name, path };
}

function asText(lines: readonly (readonly [number, string])[]): string {
  return lines.map(([at, text]) => `${at} ${text}\n`).join("");
}

describe("GetLogEvents", () => {
  test("follows a stream from its head without losing or repeating a line", async () => {
    const { logStreamName, path } = await stream([
      [1, "one"],
      [2, "two"],
    ]);
    const read = (nextToken?: string) =>
      logs.send(new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true, nextToken }));
    const first = await read();
    expect(first.events?.map(({ message, timestamp }) => [timestamp, message])).toEqual([
      [1, "one"],
      [2, "two"],
    ]);
    expect(first.nextForwardToken).toMatch(/^f\/\d{56}$/);
    const idle = await read(first.nextForwardToken);
    expect(idle.events).toEqual([]);
    expect(idle.nextForwardToken).toBe(first.nextForwardToken);
    await appendFile(path, "3 three\n4 half a li");
    const more = await read(idle.nextForwardToken);
    expect(more.events?.map(({ message }) => message)).toEqual(["three"]);
    await appendFile(path, "ne\n");
    expect((await read(more.nextForwardToken)).events?.map(({ message }) => message)).toEqual(["half a line"]);
  });

  test("begins at the end by default, and goes back to the beginning", async () => {
    const { logStreamName } = await stream([1, 2, 3, 4, 5].map((n) => [n, `line ${n}`] as const));
    const read = (nextToken?: string) =>
      logs.send(new GetLogEventsCommand({ logGroupName, logStreamName, limit: 2, nextToken }));
    const texts: (string | undefined)[][] = [];
    let token: string | undefined;
    for (let i = 0; i < 4; i++) {
      const page = await read(token);
      texts.push((page.events ?? []).map(({ message }) => message));
      expect(page.nextBackwardToken).toMatch(/^b\//);
      token = page.nextBackwardToken;
    }
    expect(texts).toEqual([["line 4", "line 5"], ["line 2", "line 3"], ["line 1"], []]);
  });

  test("takes times from startTime, inclusive, to endTime, exclusive", async () => {
    const { logStreamName } = await stream([1, 2, 3, 4].map((n) => [n * 100, `line ${n}`] as const));
    const page = await logs.send(
      new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true, startTime: 200, endTime: 400 }),
    );
    expect(page.events?.map(({ timestamp }) => timestamp)).toEqual([200, 300]);
    const back = await logs.send(
      new GetLogEventsCommand({ logGroupName, logStreamName, startTime: 200, endTime: 400 }),
    );
    expect(back.events?.map(({ timestamp }) => timestamp)).toEqual([200, 300]);
  });

  test("pages return each line once, in order, both ways, whatever the lines", async () => {
    const texts = fc.array(fc.oneof(fc.string(), fc.constant("é".repeat(40_000))), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 1, max: 7 }), async (all, limit) => {
        const lines = all.map((text, i) => [i + 1, text.replaceAll(/[\r\n]/g, " ").toWellFormed()] as const);
        const { logStreamName } = await stream(lines);
        for (const startFromHead of [true, false]) {
          const seen: (string | undefined)[] = [];
          let nextToken: string | undefined;
          for (;;) {
            const page = await logs.send(
              new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead, limit, nextToken }),
            );
            const got = (page.events ?? []).map(({ message }) => message);
            if (got.length === 0) break;
            if (startFromHead) seen.push(...got);
            else seen.unshift(...got);
            nextToken = startFromHead ? page.nextForwardToken : page.nextBackwardToken;
          }
          expect(seen).toEqual(lines.map(([, text]) => text));
        }
      }),
      { numRuns: 25 },
    );
  });

  test("refuses a token that it did not give out, and a stream that is not there", async () => {
    const { logStreamName } = await stream([[1, "one"]]);
    await expect(
      logs.send(new GetLogEventsCommand({ logGroupName, logStreamName, nextToken: "f/9999" })),
    ).rejects.toMatchObject({ name: "InvalidParameterException" });
    await expect(logs.send(new GetLogEventsCommand({ logGroupName, logStreamName: "nobody" }))).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      message: "The specified log stream does not exist.",
    });
  });
});

describe("FilterLogEvents", () => {
  test("merges streams by time over pages, each event once", async () => {
    const names = ["merge/a", "merge/b", "merge/c"];
    for (const [i, name] of names.entries()) {
      await stream(
        Array.from({ length: 20 }, (_, n) => [1000 + n * 3 + (n % 2) * i, `${name} ${n}`] as const),
        name,
      );
    }
    const seen: { time: number; id: string }[] = [];
    let nextToken: string | undefined;
    do {
      const page = await logs.send(
        new FilterLogEventsCommand({ logGroupName, logStreamNamePrefix: "merge/", limit: 7, nextToken }),
      );
      for (const { timestamp, eventId } of page.events ?? []) seen.push({ time: timestamp ?? 0, id: eventId ?? "" });
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    expect(seen).toHaveLength(60);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(60);
    const times = seen.map(({ time }) => time);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  test.for<[string, string[]]>([
    ["ERROR", ["ERROR disk", "ERROR net"]],
    ["ERROR disk", ["ERROR disk"]],
    ['"ERROR net"', ["ERROR net"]],
    ["?disk ?fine", ["ERROR disk", "all fine"]],
    ["ERROR -disk", ["ERROR net"]],
    ["", ["ERROR disk", "ERROR net", "all fine"]],
  ])("pattern %j", async ([filterPattern, expected]) => {
    const { logStreamName } = await stream([
      [1, "ERROR disk"],
      [2, "ERROR net"],
      [3, "all fine"],
    ]);
    const page = await logs.send(
      new FilterLogEventsCommand({ logGroupName, logStreamNames: [logStreamName], filterPattern }),
    );
    expect(page.events?.map(({ message }) => message)).toEqual(expected);
  });
});

describe("DescribeLogStreams", () => {
  test("finds a job's streams by prefix, with the times of their events", async () => {
    await stream([[5, "a"], [9, "b"]], "described/algo-1-1"); // biome-ignore format: pairs
    const page = await logs.send(
      new DescribeLogStreamsCommand({
        logGroupName,
        logStreamNamePrefix: "described/",
        orderBy: "LogStreamName",
        limit: 1,
      }),
    );
    expect(page.logStreams).toMatchObject([
      {
        logStreamName: "described/algo-1-1",
        firstEventTimestamp: 5,
        lastEventTimestamp: 9,
        arn: "arn:aws:logs:us-west-2:111122223333:log-group:/aws/sagemaker/TrainingJobs:log-stream:described/algo-1-1",
      },
    ]);
  });

  test("pages by last event return each stream once", async () => {
    const seen = new Set<string | undefined>();
    let total = 0;
    let nextToken: string | undefined;
    do {
      const page = await logs.send(
        new DescribeLogStreamsCommand({
          logGroupName,
          orderBy: "LastEventTime",
          descending: true,
          limit: 10,
          nextToken,
        }),
      );
      for (const { logStreamName } of page.logStreams ?? []) seen.add(logStreamName);
      total += page.logStreams?.length ?? 0;
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    expect(seen.size).toBe(total);
  });

  test("a group that is not there is ResourceNotFoundException, which SDKs wait through", async () => {
    await expect(
      logs.send(new DescribeLogStreamsCommand({ logGroupName: "/aws/sagemaker/Nothing" })),
    ).rejects.toMatchObject({ name: "ResourceNotFoundException", message: "The specified log group does not exist." });
  });
});

test("a retention is kept until it is taken away", async () => {
  await stream([[1, "one"]]);
  const days = async () =>
    (await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroupName }))).logGroups?.[0]
      ?.retentionInDays;
  await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 7 }));
  expect(await days()).toBe(7);
  await logs.send(new DeleteRetentionPolicyCommand({ logGroupName }));
  expect(await days()).toBeUndefined();
});

test("DescribeLogGroups lists groups by prefix", async () => {
  await stream([[1, "one"]]);
  const page = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: "/aws/sagemaker/" }));
  expect(page.logGroups).toMatchObject([
    { logGroupName, arn: `arn:aws:logs:us-west-2:111122223333:log-group:${logGroupName}:*` },
  ]);
});
