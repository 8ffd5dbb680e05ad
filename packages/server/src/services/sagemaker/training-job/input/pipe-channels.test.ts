import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import type { Channel } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { isAlive, type ProcessIdentity, parseIdentity } from "../../../../process-identity.ts";
import { type JobServer, startJobServer } from "../testkit/job-server.ts";
import type { ScriptedRun } from "../testkit/scripted-engine.ts";

let world: JobServer;
beforeAll(async () => {
  world = await startJobServer();
  const objects: Record<string, string | Buffer> = {
    "letters/a": "a",
    "letters/b": "b",
    "letters/c": "c",
    "letters/d": "d",
    // No folder could hold these beside each other, and a stream has no paths.
    "odd/..": "1",
    "odd/x": "2",
    "odd/x/y": "3",
    "odd/ü $&+,/:;=?@ %20#": "4",
    "packed/1.gz": gzipSync("one,"),
    "packed/2.gz": gzipSync("two"),
    "damaged/1.gz": gzipSync("one,"),
    "damaged/2.gz": "two",
    "list.json": JSON.stringify([{ prefix: "s3://data/letters/" }, "c", "a"]),
    "lines.jsonl":
      '{"label":1,"image-ref":"s3://data/letters/b"}\n{"image-ref":"s3://data/letters/a","label":{"x":2.0}}\n',
    "bad.jsonl": '{"label":1}\n{"lable":1}\n',
    "dangling.jsonl": '{"image-ref":"s3://data/letters/z"}\n',
  };
  for (const [key, body] of Object.entries(objects)) {
    await world.server.platform.objects.put("data", key, one(body));
  }
});
afterAll(() => world.close());
beforeEach(() => {
  world.engine.algorithm = () => {};
});

async function* one(body: string | Buffer): AsyncGenerator<Uint8Array> {
  yield Buffer.from(body);
}

type Source = NonNullable<NonNullable<Channel["DataSource"]>["S3DataSource"]>;

function channel(uri: string, changes: Partial<Channel> = {}, source: Partial<Source> = {}): Channel {
  const S3DataSource: Source = { S3DataType: "S3Prefix", S3Uri: uri, ...source };
  return { ChannelName: "train", InputMode: "Pipe", DataSource: { S3DataSource }, ...changes };
}

const fifo = (run: ScriptedRun, name: string) => join(run.spec.mlDirectory, "input/data", name);

/** Reads an epoch as a run does, once it is there. */
async function epoch(run: ScriptedRun, name: string): Promise<string> {
  await expect.poll(() => existsSync(fifo(run, name))).toBe(true);
  return (await buffer(spawn("cat", [fifo(run, name)]).stdout)).toString();
}

async function feederOf(run: ScriptedRun): Promise<ProcessIdentity> {
  return parseIdentity(await readFile(join(run.spec.mlDirectory, "../feeder/pid"), "utf8")) as ProcessIdentity;
}

/** Runs a job of one host to its end and returns the first epochs of `train`. */
async function epochsOf(input: Channel, count: number): Promise<string[]> {
  const epochs: string[] = [];
  let feeder: ProcessIdentity | undefined;
  world.engine.algorithm = (run, engine) => {
    expect(run.spec.channels).toEqual([]);
    expect(existsSync(fifo(run, "train_0"))).toBe(true);
    void (async () => {
      feeder = await feederOf(run);
      for (let i = 0; i < count; i++) epochs.push(await epoch(run, `train_${i}`));
      engine.exit(run.id, 0);
    })();
  };
  const name = await world.create({ InputDataConfig: [input] });
  expect(await world.until(name, "Completed", "Failed")).toMatchObject({ TrainingJobStatus: "Completed" });
  await expect.poll(() => isAlive(feeder as ProcessIdentity)).toBe(false);
  return epochs;
}

describe("a Pipe channel streams", () => {
  const augmented: Partial<Source> = { S3DataType: "AugmentedManifestFile", AttributeNames: ["image-ref", "label"] };
  test.for<[string, Channel, string[]]>([
    ["a prefix, an epoch after the other", channel("s3://data/letters/"), ["abcd", "abcd", "abcd"]],
    ["a raw prefix: keys that begin with it", channel("s3://data/letters/b"), ["b"]],
    ["keys that no folder could hold", channel("s3://data/odd/"), ["1234"]],
    ["a manifest, in its order", channel("s3://data/list.json", {}, { S3DataType: "ManifestFile" }), ["ca", "ca"]],
    [
      "an augmented manifest's attributes, in the order asked for",
      channel("s3://data/lines.jsonl", {}, augmented),
      ['b1a{"x":2.0}'],
    ],
    ["what gzip objects hold", channel("s3://data/packed/", { CompressionType: "Gzip" }), ["one,two"]],
  ])("%s", async ([, input, expected]) => {
    expect(await epochsOf(input, expected.length)).toEqual(expected);
  });

  test("RecordIO records, one for each attribute", async () => {
    const input = channel("s3://data/lines.jsonl", { RecordWrapperType: "RecordIO" }, augmented);
    const [records] = await epochsOf(input, 1);
    expect(records?.split("#").length).toBeGreaterThan(1); // 0x23 of the magic number
  });

  test("another order in each epoch under a seed", async () => {
    const input = channel("s3://data/letters/", { ShuffleConfig: { Seed: 11 } });
    const epochs = await epochsOf(input, 4);
    expect(epochs.map((each) => [...each].sort().join(""))).toEqual(["abcd", "abcd", "abcd", "abcd"]);
    expect(new Set(epochs).size).toBeGreaterThan(1);
    expect(await epochsOf(input, 4)).toEqual(epochs);
  });
});

test("shards are dealt over the hosts anew in each epoch, and a file channel for one group is that group's", async () => {
  const seen = new Map<string, string[]>();
  world.engine.algorithm = (run, engine) => {
    void (async () => {
      const epochs = [await epoch(run, "train_0"), await epoch(run, "train_1"), await epoch(run, "train_2")];
      seen.set(run.spec.hostname, [...epochs, String(run.spec.channels.length)]);
      engine.exit(run.id, 0);
    })();
  };
  const groups = ["left", "right"].map((InstanceGroupName) => ({
    ...{ InstanceGroupName, InstanceType: "ml.m5.large" as const, InstanceCount: 1 },
  }));
  const name = await world.createHosts({
    ResourceConfig: { InstanceGroups: groups, VolumeSizeInGB: 1 },
    InputDataConfig: [
      channel("s3://data/letters/", { ShuffleConfig: { Seed: 1 } }, { S3DataDistributionType: "ShardedByS3Key" }),
      channel("s3://data/letters/", { ChannelName: "files", InputMode: "File" }, { InstanceGroupNames: ["right"] }),
    ],
  });
  expect(await world.until(name, "Completed", "Failed")).toMatchObject({ TrainingJobStatus: "Completed" });
  const [first = [], second = []] = [seen.get("algo-1"), seen.get("algo-2")];
  for (const i of [0, 1, 2]) expect([...`${first[i]}${second[i]}`].sort().join("")).toBe("abcd");
  expect(first.slice(0, 3).map((each) => each.length)).toEqual([2, 2, 2]);
  expect(new Set(first.slice(0, 3).map((each) => [...each].sort().join(""))).size).toBeGreaterThan(1);
  expect([first[3], second[3]]).toEqual(["0", "1"]);
});

describe("a job fails with the reason", () => {
  test.for<[string, Channel, string]>([
    [
      "when a manifest's line lacks an attribute",
      channel("s3://data/bad.jsonl", {}, { S3DataType: "AugmentedManifestFile", AttributeNames: ["label"] }),
      'ClientError: Data download failed:Line 2 of the manifest s3://data/bad.jsonl has no attribute "label".',
    ],
    [
      "when a reference leads nowhere",
      channel("s3://data/dangling.jsonl", {}, { S3DataType: "AugmentedManifestFile", AttributeNames: ["image-ref"] }),
      'ClientError: Data download failed:Line 1 of the manifest s3://data/dangling.jsonl: "image-ref" names s3://data/letters/z, which does not exist.',
    ],
  ])("%s", async ([, input, reason]) => {
    const name = await world.create({ InputDataConfig: [input] });
    expect(await world.until(name, "Completed", "Failed")).toMatchObject({ FailureReason: reason });
    expect(world.engine.running).toEqual([]);
  });

  test("when an object is no gzip file, although the run would wait for ever", async () => {
    world.engine.algorithm = (run) => void spawn("cat", [fifo(run, "train_0")], { stdio: "ignore" });
    const name = await world.create({ InputDataConfig: [channel("s3://data/damaged/", { CompressionType: "Gzip" })] });
    const job = await world.until(name, "Completed", "Failed");
    expect(job.FailureReason).toBe(
      "ClientError: Data download failed:s3://data/damaged/2.gz is not a gzip file that can be unpacked: incorrect header check.",
    );
    await expect.poll(() => [...world.engine.runs.keys()]).toEqual([]);
  });

  test("when its feeder is killed, even if the run ends well", async () => {
    world.engine.algorithm = (run, engine) => {
      void (async () => {
        const feeder = await feederOf(run);
        process.kill(feeder.pid, "SIGKILL");
        await expect.poll(() => isAlive(feeder)).toBe(false);
        engine.exit(run.id, 0);
      })();
    };
    const name = await world.create({ InputDataConfig: [channel("s3://data/letters/")] });
    const job = await world.until(name, "Completed", "Failed");
    expect(job.FailureReason).toMatch(/^InternalServerError: The process that feeds the job's Pipe channels ended/);
  });
});
