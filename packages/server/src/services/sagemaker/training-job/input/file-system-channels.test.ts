import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Channel, FileSystemDataSource } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Engine } from "../../../../engines/engine.ts";
import { openEngine } from "../../../../engines/open-engine.ts";
import { Images } from "../../../../images/images.ts";
import { silentLog } from "../../../../log.ts";
import { type JobServer, startJobServer, startJobServerOn } from "../testkit/job-server.ts";
import { ScriptedEngine } from "../testkit/scripted-engine.ts";

let shared: string;
beforeAll(async () => {
  shared = await realpath(await mkdtemp(join(tmpdir(), "sagebrush-shared-")));
  await mkdir(join(shared, "data/train"), { recursive: true });
  await writeFile(join(shared, "data/train/rows.csv"), "1,2\n3,4\n5,6\n");
  await symlink("/etc", join(shared, "elsewhere"));
});
afterAll(() => rm(shared, { recursive: true, force: true }));

const id = "fs-0123456789abcdef0";

function channel(changes: Partial<FileSystemDataSource> = {}, more: Partial<Channel> = {}): Channel {
  const source: FileSystemDataSource = {
    ...{ FileSystemId: id, FileSystemType: "EFS", FileSystemAccessMode: "ro", DirectoryPath: "/data/train" },
    ...changes,
  };
  return { ChannelName: "train", ContentType: "text/csv", DataSource: { FileSystemDataSource: source }, ...more };
}

const start = <E extends Engine>(open: (directory: string) => Promise<E>) =>
  startJobServerOn(open, new Images(), { fileSystems: { [id]: shared } });

describe("a FileSystemDataSource", () => {
  let world: JobServer;
  beforeAll(async () => {
    world = await start(async () => new ScriptedEngine());
  });
  afterAll(() => world.close());

  test.for<[string, Channel, object]>([
    ["read-only as asked", channel(), { path: "data/train", readOnly: true }],
    ["read-write as asked", channel({ FileSystemAccessMode: "rw" }), { path: "data/train", readOnly: false }],
    [
      "of Lustre, below its mount name",
      channel({ FileSystemType: "FSxLustre", DirectoryPath: "/fsx/data" }),
      { path: "data" },
    ],
  ])("is mounted %s", async ([, input, expected]) => {
    let seen: unknown;
    world.engine.algorithm = ({ id: run, spec }, engine) => {
      seen = spec;
      engine.exit(run, 0);
    };
    const name = await world.create({ InputDataConfig: [input] });
    expect((await world.until(name, "Completed", "Failed")).FailureReason).toBeUndefined();
    const mount = { root: shared, target: "/opt/ml/input/data/train", ...expected };
    expect(seen).toMatchObject({ channels: [], mounts: [mount] });
    expect(existsSync(join(shared, "data/train/rows.csv"))).toBe(true);
  });

  test.for<[string, Channel, string]>([
    [
      "of an id that is not configured",
      channel({ FileSystemId: "fs-ffffffff" }),
      `Channel train: FileSystemId "fs-ffffffff" is not configured: ${id} is (setting file-system).`,
    ],
    [
      "that leads out by a link",
      channel({ DirectoryPath: "/elsewhere" }),
      `Channel train: DirectoryPath "/elsewhere" of ${id} leads out of the file system by a link.`,
    ],
    ["that leads out by steps", channel({ DirectoryPath: "/../etc" }), "must not lead out of the file system"],
    ["that is not there", channel({ DirectoryPath: "/nothing" }), "is no directory there"],
    ["in Pipe mode", channel({}, { InputMode: "Pipe" }), "FileSystemDataSource is not allowed with input mode Pipe"],
    [
      "in FastFile mode",
      channel({}, { InputMode: "FastFile" }),
      "FileSystemDataSource is not allowed with input mode FastFile",
    ],
    [
      "compressed",
      channel({}, { CompressionType: "Gzip" }),
      "CompressionType Gzip is not allowed with input mode File",
    ],
    [
      "beside an S3 source",
      {
        ...channel(),
        DataSource: { ...channel().DataSource, S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/train" } },
      },
      "exactly one of",
    ],
  ])("is refused %s", async ([, input, message]) => {
    await expect(world.create({ InputDataConfig: [input] })).rejects.toThrow(message);
  });
});

test("no file system is known unless it is configured", async () => {
  const world = await startJobServer();
  try {
    await expect(world.create({ InputDataConfig: [channel()] })).rejects.toThrow("is not configured: none is");
  } finally {
    await world.close();
  }
});

const bundle = new URL("../../../../../../algorithms/.build/sagebrush-algorithm.mjs", import.meta.url);

// Made by `npm run setup`, which `npm test` runs first.
describe.skipIf(!existsSync(bundle)).for(["auto", "process"] as const)("linear-learner on the %s engine", (kind) => {
  test("trains on a host directory and leaves it as it is", async () => {
    const world = await start((directory) => openEngine({ directory, kind, log: silentLog }));
    try {
      const name = await world.create({ InputDataConfig: [channel()] });
      expect((await world.until(name, "Completed", "Failed")).FailureReason).toBeUndefined();
      await expect.poll(() => world.engine.list()).toEqual([]);
    } finally {
      await world.close();
    }
    expect(await readFile(join(shared, "data/train/rows.csv"), "utf8")).toBe("1,2\n3,4\n5,6\n");
  });

  test("is taken by an algorithm that wants S3 objects shared out", async () => {
    await mkdir(join(shared, "data/sixty"), { recursive: true });
    await writeFile(join(shared, "data/sixty/rows.csv"), "1,2\n3,4\n5,6\n".repeat(20));
    const world = await start((directory) => openEngine({ directory, kind, log: silentLog }));
    try {
      const name = await world.create({
        AlgorithmSpecification: { TrainingImage: "randomcutforest:1", TrainingInputMode: "File" },
        HyperParameters: { feature_dim: "2", num_trees: "50" },
        InputDataConfig: [channel({ DirectoryPath: "/data/sixty" }, { ContentType: "text/csv;label_size=0" })],
      });
      expect((await world.until(name, "Completed", "Failed")).FailureReason).toBeUndefined();
    } finally {
      await world.close();
    }
  });
});
