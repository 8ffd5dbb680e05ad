import { link, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StopTrainingJobCommand } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Engine } from "../../../engines/engine.ts";
import { openEngine } from "../../../engines/open-engine.ts";
import { requirements, where } from "../../../engines/requirements.ts";
import { usedBytes } from "../../../engines/used-bytes.ts";
import { Images } from "../../../images/images.ts";
import { silentLog } from "../../../log.ts";
import { bytes, type JobServer, startJobServerOn } from "./testkit/job-server.ts";
import { nodeImages } from "./testkit/node-images.ts";

const full =
  /^ClientError: No space left on device: the job filled its volume of 1 GB\. Give ResourceConfig a larger VolumeSizeInGB/;

/** What every program has: a function that writes megabytes to the end of a file, which take room on disk. */
const preamble = `
  import { closeSync, mkdirSync, openSync, readdirSync, truncateSync, writeSync, writeFileSync } from "node:fs";
  const ml = process.env.SAGEBRUSH_ML_ROOT ?? "/opt/ml";
  const block = Buffer.alloc(32 * 2 ** 20, 1);
  function grow(path, megabytes) {
    const file = openSync(path, "a");
    for (let written = 0; written < megabytes; written += 32) writeSync(file, block);
    closeSync(file);
  }
`;

for (const kind of ["sandbox", "process"] as const) {
  where(`volumes of jobs: ${kind}`, kind === "sandbox" ? [requirements.bubblewrap] : [], () => {
    let world: JobServer<Engine>;
    beforeAll(async () => {
      world = await startJobServerOn(
        (directory) => openEngine({ directory, kind, log: silentLog }),
        new Images([nodeImages]),
      );
    }, 60_000);
    afterAll(() => world?.close());

    async function create(program: string): Promise<string> {
      const key = `code-${Math.random().toString(36).slice(2)}/main.mjs`;
      await world.server.platform.objects.put("data", key, bytes(preamble + program));
      return world.create({
        AlgorithmSpecification: {
          TrainingImage: "node:24",
          TrainingInputMode: "File",
          ContainerArguments: ["/opt/ml/input/data/code/main.mjs"],
        },
        InputDataConfig: [
          {
            ChannelName: "code",
            DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: `s3://data/${key}` } },
          },
        ],
        ResourceConfig: { InstanceType: "ml.t3.medium", InstanceCount: 1, VolumeSizeInGB: 1 },
      });
    }
    const ended = (name: string) => world.until(name, "Completed", "Failed", "Stopped");
    const run = async (program: string) => ended(await create(program));

    test("a job that writes without end is killed, and says what it filled; nothing of it is left", async () => {
      const job = await run(`
        process.on("SIGTERM", () => {});
        mkdirSync(ml + "/scratch", { recursive: true });
        for (let file = 0; file < 60; file++) {
          grow(ml + "/scratch/" + file, 64);
          console.log("written", file);
          await new Promise((resolve) => setTimeout(resolve, 30));
        }
      `);
      expect(job).toMatchObject({ TrainingJobStatus: "Failed", FailureReason: expect.stringMatching(full) });
      const { logs } = world.server.platform.dataDirectory;
      const [log] = (await readdir(join(logs, "training"))).map((name) => join(logs, "training", name));
      const written = (await readFile(log as string, "utf8")).match(/written \d+/g) ?? [];
      expect(written.length).toBeGreaterThanOrEqual(15);
      expect(written.length).toBeLessThan(60);
      await expect.poll(() => world.engine.list(), { timeout: 20_000 }).toEqual([]);
      await expect
        .poll(() => usedBytes([world.server.platform.dataDirectory.runs]), { timeout: 20_000 })
        .toBeLessThan(2 ** 20);
    }, 120_000);

    test("one that has ended well counts no less: what it added to its input is on its volume", async () => {
      const job = await run(`grow(ml + "/input/data/code/" + readdirSync(ml + "/input/data/code")[0], 1056);`);
      expect(job.FailureReason).toMatch(full);
    }, 120_000);

    test("a job that is stopped gets no time to fill the disk", async () => {
      const name = await create(`
        process.on("SIGTERM", async () => {
          for (let file = 0; file < 60; file++) {
            grow(ml + "/input/" + file, 64);
            await new Promise((resolve) => setTimeout(resolve, 30));
          }
        });
        setInterval(() => {}, 1000);
        writeFileSync(ml + "/model/up", "");
        console.log("up");
      `);
      const log = async () => {
        const folder = join(world.server.platform.dataDirectory.logs, "training");
        const texts = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file), "utf8")));
        return texts.some((text) => /^\d+ up$/m.test(text));
      };
      await expect.poll(log, { timeout: 30_000 }).toBe(true);
      const stoppedAt = Date.now();
      await world.sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: name }));
      expect((await ended(name)).TrainingJobStatus).toBe("Stopped");
      // The grace of a stop is 120 s, which the program would have used.
      expect(Date.now() - stoppedAt).toBeLessThan(100_000);
    }, 120_000);

    test("holes take no room, and what was deleted takes none any more", async () => {
      const job = await run(`
        const file = ml + "/input/holes";
        writeFileSync(file, "");
        truncateSync(file, 5 * 2 ** 30);
        for (let i = 0; i < 4; i++) {
          grow(ml + "/input/again", 320);
          truncateSync(ml + "/input/again", 0);
        }
        writeFileSync(ml + "/model/done", "");
      `);
      expect(job.FailureReason).toBeUndefined();
      expect(job.TrainingJobStatus).toBe("Completed");
    }, 120_000);
  });
}

test("the room of a tree: holes and second names are free, links are not followed", async ({ onTestFinished }) => {
  const folder = await mkdtemp(join(tmpdir(), "sagebrush-room-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, "tree/deep"), { recursive: true });
  await writeFile(join(folder, "outside"), Buffer.alloc(2 ** 20, 1), { flush: true });
  await writeFile(join(folder, "tree/deep/a"), Buffer.alloc(2 ** 20, 1), { flush: true });
  await link(join(folder, "tree/deep/a"), join(folder, "tree/b"));
  await symlink(folder, join(folder, "tree/up"));
  await writeFile(join(folder, "tree/holes"), "");
  await truncate(join(folder, "tree/holes"), 2 ** 30);
  const used = await usedBytes([join(folder, "tree"), join(folder, "absent")]);
  expect(used).toBeGreaterThanOrEqual(2 ** 20);
  expect(used).toBeLessThan(1.5 * 2 ** 20);
});
