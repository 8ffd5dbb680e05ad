import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import type { CreateTrainingJobCommandInput } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Engine } from "../../../engines/engine.ts";
import { openEngine } from "../../../engines/open-engine.ts";
import { requirements, where } from "../../../engines/requirements.ts";
import { engineFolders, readSupervisor } from "../../../engines/supervised/run-folder.ts";
import { startTestServer } from "../../../gateway/testkit.ts";
import { Images } from "../../../images/images.ts";
import { silentLog } from "../../../log.ts";
import { bytes, type JobServer, startJobServer, startJobServerOn } from "./testkit/job-server.ts";
import { nodeImages } from "./testkit/node-images.ts";

const masterKey = { text: "5a".repeat(32) };
const secret = "correct-horse-battery-staple";
const outputKey = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const volumeKey = "alias/volumes";

/** Every file below a folder that has the secret: as it is, in Base64, or packed in a gzip stream. */
async function leaks(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path).catch(() => Buffer.alloc(0)); // gone meanwhile
    // The middle of it: Base64 of a text inside a text shifts by up to two characters.
    const shapes = [0, 1, 2].map((shift) => Buffer.from(secret.slice(shift)).toString("base64").slice(0, -4));
    const isPacked = [...gzipStreams(content)].some((plain) => plain.includes(secret));
    if (isPacked || [secret, ...shapes].some((shape) => content.includes(shape))) found.push(path);
  }
  return found;
}

/** What unpacks wherever gzip's first bytes are. */
function* gzipStreams(content: Buffer): Generator<Buffer> {
  for (let at = content.indexOf("1f8b08", 0, "hex"); at >= 0; at = content.indexOf("1f8b08", at + 1, "hex")) {
    try {
      yield gunzipSync(content.subarray(at), { finishFlush: 2 });
    } catch {
      // Three bytes by chance.
    }
  }
}

const program = `
  import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
  const ml = process.env.SAGEBRUSH_ML_ROOT ?? "/opt/ml";
  const text = readFileSync(ml + "/input/data/text/secret.txt", "utf8");
  if (text.length < 20) throw new Error("not readable: " + text);
  appendFileSync(ml + "/input/data/text/secret.txt", text);
  for (const place of ["model", "output/data", "checkpoints", "scratch"]) {
    mkdirSync(ml + "/" + place, { recursive: true });
    writeFileSync(ml + "/" + place + "/kept.txt", text.repeat(1000));
  }
  console.log("written");
  while (!existsSync(ml + "/input/data/go/go") && process.env.WAITS === "1" && !existsSync(ml + "/checkpoints/second")) {
    writeFileSync(ml + "/checkpoints/second", text);
    await new Promise((resolve) => setTimeout(resolve, 3_600_000));
  }
`;

for (const kind of ["sandbox", "process"] as const) {
  where(`jobs with KMS keys: ${kind}`, kind === "sandbox" ? [requirements.bubblewrap] : [], () => {
    let world: JobServer<Engine>;
    beforeAll(async () => {
      world = await startJobServerOn(
        (directory) => openEngine({ directory, kind, log: silentLog }),
        new Images([nodeImages]),
        { masterKey },
      );
      const { objects } = world.server.platform;
      const encryption = { algorithm: "aws:kms", keyId: outputKey };
      await objects.put("data", "text/secret.txt", bytes(secret), { encryption });
      await objects.put("data", "code/main.mjs", bytes(program));
    }, 60_000);
    afterAll(async () => {
      await world?.close();
      const { memory } = world.server.platform.dataDirectory;
      if (memory !== undefined) await rm(memory, { recursive: true, force: true });
    });

    const channel = (name: string, prefix: string) => ({
      ChannelName: name,
      DataSource: { S3DataSource: { S3DataType: "S3Prefix" as const, S3Uri: `s3://data/${prefix}/` } },
    });
    const create = (changes: Partial<CreateTrainingJobCommandInput> = {}) =>
      world.create({
        AlgorithmSpecification: {
          TrainingImage: "node:24",
          TrainingInputMode: "File",
          ContainerArguments: ["/opt/ml/input/data/code/main.mjs"],
        },
        InputDataConfig: [channel("code", "code"), channel("text", "text")],
        OutputDataConfig: { S3OutputPath: "s3://data/out", KmsKeyId: outputKey },
        CheckpointConfig: { S3Uri: "s3://data/checkpoints" },
        ResourceConfig: {
          ...{ InstanceType: "ml.t3.medium", InstanceCount: 1, VolumeSizeInGB: 1, VolumeKmsKeyId: volumeKey },
        },
        ...changes,
      });
    const secondary = async (name: string) =>
      (await world.until(name, "InProgress", "Completed", "Failed")).SecondaryStatus;

    test("what a job with both keys reads, writes and stores is nowhere in the data directory", async () => {
      const name = await create({ Environment: { WAITS: "1" } });
      const { objects, dataDirectory } = world.server.platform;
      // Its checkpoints are in S3 while it runs: a copy now has them, the model in the making and the input.
      await expect.poll(() => objects.head("data", "checkpoints/second"), { timeout: 30_000 }).toBeDefined();
      expect(await secondary(name)).toBe("Training");
      expect(await leaks(dataDirectory.root)).toEqual([]);
      // They are where they belong, which also shows that the search finds such things.
      const inMemory = (await leaks(dataDirectory.memory as string)).map((path) => path.split("/").at(-2));
      expect(inMemory).toEqual(expect.arrayContaining(["model", "checkpoints", "scratch"]));
      // Its supervisor dies: the job begins again from its checkpoint, and goes on to its end.
      const [run] = await world.engine.list();
      const supervisor = readSupervisor(engineFolders(dataDirectory.engine), run as string);
      process.kill(supervisor?.pid as number, "SIGKILL");
      const job = await world.until(name, "Completed", "Failed");
      expect(job.FailureReason).toBeUndefined();
      expect(job.OutputDataConfig?.KmsKeyId).toBe(outputKey);
      await expect.poll(() => world.engine.list(), { timeout: 20_000 }).toEqual([]);
      expect(await leaks(dataDirectory.root)).toEqual([]);
      for (const key of [`out/${name}/output/model.tar.gz`, `out/${name}/output/output.tar.gz`]) {
        const archive = await buffer(await objects.read("data", key));
        expect(gunzipSync(archive).includes(secret)).toBe(true);
      }
      // Nothing of it is left in memory either.
      await expect
        .poll(() => readdir(dataDirectory.memory as string, { recursive: true }), { timeout: 20_000 })
        .toEqual(expect.arrayContaining(["runs"]));
      await expect.poll(() => leaks(dataDirectory.memory as string), { timeout: 20_000 }).toEqual([]);
    }, 120_000);

    test("a copied data directory gives its objects to the master key only", async () => {
      const { dataDirectory } = world.server.platform;
      const copy = await mkdtemp(join(tmpdir(), "sagebrush-copy-"));
      try {
        await cp(dataDirectory.root, copy, { recursive: true, filter: (path) => !/(lock|\/s\/|\.sock)/.test(path) });
        for (const [key, said] of [
          [{}, "no master key"],
          [{ text: "77".repeat(32) }, "another master key"],
          [masterKey, undefined],
        ] as const) {
          const server = await startTestServer({
            services: [],
            dataDirectory: copy,
            configuration: { masterKey: key },
          });
          try {
            const read = server.platform.objects.read("data", "text/secret.txt").then(buffer);
            if (said === undefined) expect((await read).toString()).toBe(secret);
            else await expect(read).rejects.toThrow(said);
          } finally {
            await server.close();
          }
        }
      } finally {
        await rm(copy, { recursive: true, force: true });
      }
    }, 60_000);

    test("Pipe and FastFile channels give what is encrypted in clear", async () => {
      const { objects, dataDirectory } = world.server.platform;
      const read = `
        import { readFileSync } from "node:fs";
        const ml = process.env.SAGEBRUSH_ML_ROOT ?? "/opt/ml";
        for (const path of ["piped_0", "fast/secret.txt"]) {
          const size = readFileSync(ml + "/input/data/" + path).length;
          if (size !== ${secret.length}) throw new Error(path + " has " + size);
        }
      `;
      await objects.put("data", "reads/main.mjs", bytes(read));
      const name = await create({
        InputDataConfig: [
          channel("code", "reads"),
          { ...channel("piped", "text"), InputMode: "Pipe" },
          { ...channel("fast", "text"), InputMode: "FastFile" },
        ],
      });
      expect((await world.until(name, "Completed", "Failed")).FailureReason).toBeUndefined();
      expect(await leaks(dataDirectory.root)).toEqual([]);
    }, 60_000);

    test("a job that only reads what is encrypted does so from memory, or is told what it needs", async () => {
      const name = await create({
        OutputDataConfig: { S3OutputPath: "s3://data/out" },
        ResourceConfig: { InstanceType: "ml.t3.medium", InstanceCount: 1, VolumeSizeInGB: 1 },
      });
      const job = await world.until(name, "Completed", "Failed");
      if (kind === "sandbox") expect(job.FailureReason).toBeUndefined();
      else expect(job.FailureReason).toMatch(/^ClientError: Data download failed:Channel text .*VolumeKmsKeyId/);
    }, 60_000);
  });
}

test("a job whose server dies, and comes back without the master key, ends when the key is there again", async () => {
  const directory = await mkdtemp(join(tmpdir(), "sagebrush-keys-"));
  const start = (configuration: object) =>
    startJobServerOn(
      (engine) => openEngine({ directory: engine, kind: "process", log: silentLog }),
      new Images([nodeImages]),
      configuration,
      undefined,
      { dataDirectory: directory },
    );
  const memory: string[] = [];
  try {
    const first = await start({ masterKey });
    const { objects, dataDirectory } = first.server.platform;
    memory.push(dataDirectory.memory as string);
    const code = `
      import { writeFileSync, existsSync } from "node:fs";
      const ml = process.env.SAGEBRUSH_ML_ROOT;
      writeFileSync(ml + "/model/kept.txt", ${JSON.stringify(secret.slice(0, 10))} + ${JSON.stringify(secret.slice(10))});
      console.log("up");
      while (!existsSync(${JSON.stringify(join(directory, "go"))})) await new Promise((resolve) => setTimeout(resolve, 20));
    `;
    await objects.put("data", "waits/main.mjs", bytes(code));
    const name = await first.create({
      AlgorithmSpecification: {
        TrainingImage: "node:24",
        TrainingInputMode: "File",
        ContainerArguments: ["/opt/ml/input/data/code/main.mjs"],
      },
      InputDataConfig: [
        {
          ChannelName: "code",
          DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/waits/" } },
        },
      ],
      OutputDataConfig: { S3OutputPath: "s3://data/out", KmsKeyId: outputKey },
    });
    await expect.poll(() => leaks(memory[0] as string).catch(() => []), { timeout: 20_000 }).toHaveLength(1);
    await first.close();
    await writeFile(join(directory, "go"), "");
    const without = await start({});
    await expect
      .poll(async () => (await without.engine.observe((await without.engine.list())[0] as string)).phase, {
        timeout: 20_000,
      })
      .toBe("exited");
    // What it made cannot be stored: it waits, and is not stored in clear.
    await expect
      .poll(async () => (await without.until(name, "InProgress", "Failed", "Completed")).SecondaryStatus)
      .toBe("Uploading");
    expect(await leaks(directory)).toEqual([]);
    await without.close();
    const last = await start({ masterKey });
    expect((await last.until(name, "Failed", "Completed")).FailureReason).toBeUndefined();
    const archive = await buffer(await last.server.platform.objects.read("data", `out/${name}/output/model.tar.gz`));
    expect(gunzipSync(archive).includes(secret)).toBe(true);
    await expect.poll(() => last.engine.list(), { timeout: 20_000 }).toEqual([]);
    await last.close();
  } finally {
    for (const folder of [directory, ...memory]) await rm(folder, { recursive: true, force: true });
  }
}, 90_000);

test("keys are refused by member where there is no master key, or no such key", async () => {
  const without = await startJobServer();
  const resources = { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 } as const;
  try {
    await expect(
      without.create({ OutputDataConfig: { S3OutputPath: "s3://data/out", KmsKeyId: outputKey } }),
    ).rejects.toMatchObject({
      name: "ValidationException",
      message: expect.stringMatching(
        /OutputDataConfig\.KmsKeyId: .*no master key; start it with --kms-master-key-file/,
      ),
    });
    await expect(without.create({ ResourceConfig: { ...resources, VolumeKmsKeyId: volumeKey } })).rejects.toThrow(
      /ResourceConfig\.VolumeKmsKeyId: .*no master key/,
    );
    // What SDKs send for none.
    await without.create({ OutputDataConfig: { S3OutputPath: "s3://data/out", KmsKeyId: "" } });
  } finally {
    await without.close();
  }
});
