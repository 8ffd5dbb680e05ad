import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloudWatchLogsClient, GetLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cutGap, LogSpace } from "../../engines/log-space.ts";
import { startTestServer } from "../../gateway/testkit.ts";
import { droppedNotice, gapFile, type LogGap, readGap } from "../../log-gap.ts";
import { readNewLines } from "../../metrics/log/log-reader.ts";
import { LogFile, type LogLine } from "./log-file.ts";
import { logsService } from "./service.ts";
import { ensureStream } from "./streams.ts";

const limit = 2 ** 18;
let folder: string;
let path: string;
let space: LogSpace;
let next: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sagebrush-log-"));
  path = join(folder, "a.log");
  writeFileSync(path, "999 [sagebrush] a notice\n");
  space = new LogSpace(path, limit, { base: statSync(path).size, written: 0 });
  next = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Lines of 100 bytes, one a millisecond from 1000 on. */
function write(count: number, into = path, room = space): void {
  for (const end = next + count; next < end; next++) {
    const line = `${1000 + next} line ${next} `.padEnd(99, "x");
    expect(room.take(100)).toBe(true);
    appendFileSync(into, `${line}\n`);
  }
}

const numberOf = ({ text }: Pick<LogLine, "text">) => Number(/^line (\d+)/.exec(text)?.[1] ?? -1);

async function linesOf(read: (log: LogFile) => AsyncIterable<LogLine>): Promise<LogLine[]> {
  const log = await LogFile.open(path);
  const lines: LogLine[] = [];
  for await (const line of read(log)) lines.push(line);
  await log.close();
  return lines;
}

test("forward, backward and by time the same lines are found, at places that stay", async () => {
  write(1_250);
  const early = await linesOf((log) => log.forward(0));
  write(11_250);
  const { size, blocks } = statSync(path);
  expect(size).toBeGreaterThan(4.5 * limit);
  expect(blocks * 512).toBeLessThan(1.1 * limit);
  const lines = await linesOf((log) => log.forward(0));
  expect(lines.filter(({ text }) => text === droppedNotice)).toHaveLength(1);
  expect(lines[0]?.text).toBe("[sagebrush] a notice");
  expect(numberOf(lines[1] as LogLine)).toBe(0);
  expect(numberOf(lines.at(-1) as LogLine)).toBe(12_499);
  // What was there before is where it was, as far as it is there.
  const places = new Map(lines.map((line) => [numberOf(line), line.offset]));
  for (const line of early.slice(1, 250)) expect(places.get(numberOf(line))).toBe(line.offset);
  const backward = await linesOf((log) => log.backward(log.completeBytes));
  expect(backward.toReversed()).toEqual(lines);
  const log = await LogFile.open(path);
  for (const at of [0, 1000, 1400, 1900, 6_000, 11_000, 12_000, 13_499, 20_000]) {
    const expected = lines.find((line) => line.at >= at);
    const [found] = await linesOf(async function* (each) {
      yield* each.forward(await log.seek(at));
    });
    expect(found).toEqual(expected);
  }
  await log.close();
  // From a place that is no more, on either way.
  const at = lines.findIndex(({ text }) => text === droppedNotice);
  const gone = (lines[at + 1] as LogLine).offset - 250_000;
  expect((await linesOf((each) => each.forward(gone)))[0]).toEqual(lines[at + 1]);
  expect((await linesOf((each) => each.backward(gone)))[0]).toEqual(lines[at]);
});

test("a reader that is at work when lines go, or knows nothing of them, passes over the hole", async () => {
  write(12_500);
  const lines = await linesOf((log) => log.forward(0));
  rmSync(gapFile(path));
  expect(await linesOf((log) => log.forward(0))).toEqual(lines);
  expect((await linesOf((log) => log.backward(log.completeBytes))).toReversed()).toEqual(lines);
});

test("lines that are written again where a gap was cut off are there", async () => {
  write(12_500);
  const { start, end } = readGap(path) as LogGap;
  const cut = start + Math.floor((end - start) / 200) * 100 + 25;
  for (const size of [cut, start]) {
    truncateSync(path, size);
    cutGap(path, size);
    next = 20_000;
    write(10, path, new LogSpace(path, limit, { base: 25, written: size - 25 }));
    const lines = await linesOf((log) => log.forward(0));
    expect(lines.slice(-10).map(numberOf)).toEqual(Array.from({ length: 10 }, (_, i) => 20_000 + i));
    expect(lines.at(-11)?.text).toBe(droppedNotice);
  }
  expect(readGap(path)).toBeUndefined();
});

test("metrics are read on behind what was dropped, and know that something was", () => {
  write(1_250);
  const seen: number[] = [];
  let offset = 0;
  let skipped = 0;
  const follow = () => {
    for (;;) {
      const { texts, offset: to, hasMore, skippedBytes } = readNewLines(path, offset);
      seen.push(...texts.map((text) => numberOf({ text })).filter((number) => number >= 0));
      offset = to;
      skipped += skippedBytes;
      if (!hasMore) return;
    }
  };
  follow();
  expect(seen).toHaveLength(1_250);
  write(500); // within the limit: nothing is missed
  follow();
  expect([seen.length, skipped]).toEqual([1_750, 0]);
  write(10_000);
  follow();
  expect(skipped).toBeGreaterThan(2 * limit);
  expect(seen.at(-1)).toBe(11_749);
  expect(seen).toEqual([...new Set(seen)].toSorted((a, b) => a - b));
  write(1_000); // lines go that were read long ago
  follow();
  expect(seen.slice(-1_000)).toEqual(Array.from({ length: 1_000 }, (_, i) => 11_750 + i));
});

test("tokens of GetLogEvents go on across what is dropped", async () => {
  const server = await startTestServer({ services: [logsService] });
  const client = new CloudWatchLogsClient(server.client);
  try {
    const { store, dataDirectory } = server.platform;
    const scope = { partition: "aws", account: "111122223333", region: "us-west-2" };
    await ensureStream(store, scope, "/aws/sagemaker/TrainingJobs", "s", "a.log");
    const file = join(dataDirectory.logs, "a.log");
    writeFileSync(file, "");
    const room = new LogSpace(file, limit, { base: 0, written: 0 });
    const stream = { logGroupName: "/aws/sagemaker/TrainingJobs", logStreamName: "s" };
    const seen: string[] = [];
    let nextToken: string | undefined;
    const follow = async () => {
      for (;;) {
        const page = await client.send(
          new GetLogEventsCommand({ ...stream, startFromHead: true, limit: 500, ...(nextToken && { nextToken }) }),
        );
        seen.push(...(page.events ?? []).map(({ message = "" }) => message));
        if (page.nextForwardToken === nextToken) return;
        nextToken = page.nextForwardToken;
      }
    };
    write(250, file, room);
    await follow();
    write(7_500, file, room);
    await follow();
    expect(seen.filter((text) => text === droppedNotice)).toHaveLength(1);
    expect(numberOf({ text: seen.at(-1) as string })).toBe(7_749);
    const numbers = seen.map((text) => numberOf({ text })).filter((number) => number >= 0);
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
    const last = await client.send(new GetLogEventsCommand({ ...stream, limit: 3 }));
    expect(last.events?.map(({ message = "" }) => numberOf({ text: message }))).toEqual([7_747, 7_748, 7_749]);
  } finally {
    client.destroy();
    await server.close();
  }
}, 60_000);

test("a log that cannot lose lines says that it is full", () => {
  writeFileSync(path, "");
  const tiny = new LogSpace(path, 50, { base: 0, written: 0 });
  expect(tiny.take(100)).toBe(false);
  expect(tiny.take(10)).toBe(false);
});
