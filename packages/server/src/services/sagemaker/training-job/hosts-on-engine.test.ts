import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { type CreateTrainingJobCommandInput, StopTrainingJobCommand } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Engine } from "../../../engines/engine.ts";
import { openEngine } from "../../../engines/open-engine.ts";
import { requirements, where } from "../../../engines/requirements.ts";
import { engineFolders, readSupervisor } from "../../../engines/supervised/run-folder.ts";
import { Images } from "../../../images/images.ts";
import { silentLog } from "../../../log.ts";
import { bytes, type JobServer, startJobServerOn } from "./testkit/job-server.ts";
import { nodeImages } from "./testkit/node-images.ts";

const needed = [requirements.root, requirements.bubblewrap, requirements.iproute2, requirements.nftables];
where("hosts on an engine", needed, () => {
  let world: JobServer<Engine>;
  beforeAll(async () => {
    world = await startJobServerOn(
      (directory) => openEngine({ directory, kind: "auto", log: silentLog }),
      new Images([nodeImages]),
    );
  });
  afterAll(() => world.close());

  /** What every program begins with: its host's name, and its folder on every engine. */
  const preamble = `
  import { existsSync, readFileSync, writeFileSync } from "node:fs";
  const ml = process.env.SAGEBRUSH_ML_ROOT ?? "/opt/ml";
  const { current_host: me, hosts } = JSON.parse(readFileSync(ml + "/input/config/resourceconfig.json", "utf8"));
  console.log("up", me);
  const forever = () => setInterval(() => {}, 1000);
`;

  /** Creates a job of two hosts that run a module. */
  async function create(program: string, changes: Partial<CreateTrainingJobCommandInput> = {}): Promise<string> {
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
      ResourceConfig: { InstanceType: "ml.t3.medium", InstanceCount: 2, VolumeSizeInGB: 1 },
      ...changes,
    });
  }

  /** The runs of the only job there is, once both have said that they are up. */
  async function untilUp(): Promise<string[]> {
    const log = (id: string) =>
      readFile(join(world.server.platform.dataDirectory.logs, `training/${id}.log`), "utf8").catch(() => "");
    await expect
      .poll(
        async () => {
          const logs = await Promise.all((await world.engine.list()).map(log));
          return logs.filter((text) => text.includes(" up algo-")).length;
        },
        { timeout: 20_000 },
      )
      .toBe(2);
    return (await world.engine.list()).toSorted();
  }

  const nothingIsLeft = () => expect.poll(() => world.engine.list(), { timeout: 20_000 }).toEqual([]);

  test("the hosts of a job that takes a warm pool have the caches of those before", async () => {
    const program = `
      const file = process.env.SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY + "/seen";
      const before = existsSync(file) ? readFileSync(file, "utf8") : "";
      writeFileSync(file, before + me);
      writeFileSync(ml + "/model/" + me, before);
    `;
    const resources = { InstanceType: "ml.t3.medium", InstanceCount: 2, VolumeSizeInGB: 2 } as const;
    const first = await create(program, { ResourceConfig: { ...resources, KeepAlivePeriodInSeconds: 600 } });
    expect(await world.until(first, "Completed", "Failed")).toMatchObject({
      ...{ TrainingJobStatus: "Completed", WarmPoolStatus: { Status: "Available" } },
    });
    const second = await create(program, { ResourceConfig: resources });
    expect((await world.until(second, "Completed", "Failed")).TrainingJobStatus).toBe("Completed");
    const archive = await buffer(await world.server.platform.objects.read("data", `out/${second}/output/model.tar.gz`));
    const model = gunzipSync(archive).toString("latin1");
    expect(model.match(/algo-[12]/g)?.toSorted()).toEqual(["algo-1", "algo-1", "algo-2", "algo-2"]);
    await nothingIsLeft();
  }, 60_000);

  test("two hosts run, and what they write becomes one model", async () => {
    const name = await create(`writeFileSync(ml + "/model/" + me, "by " + me);`);
    await world.until(name, "Completed");
    const archive = await buffer(await world.server.platform.objects.read("data", `out/${name}/output/model.tar.gz`));
    for (const text of ["by algo-1", "by algo-2"]) expect(gunzipSync(archive).toString("latin1")).toContain(text);
    await nothingIsLeft();
  });

  test("hosts reach each other by name over eth0, and sum up what each of them has", async () => {
    const resources = { InstanceType: "ml.t3.medium" as const, InstanceCount: 3, VolumeSizeInGB: 1 };
    const name = await create(
      `
        import { once } from "node:events";
        import { connect, createServer } from "node:net";
        import { networkInterfaces } from "node:os";
        const rank = hosts.indexOf(me);
        const server = createServer().listen(6000, me);
        const next = async () => {
          for (;;) {
            const socket = connect(6000, hosts[(rank + 1) % hosts.length]);
            try { await once(socket, "connect"); return socket; }
            catch { await new Promise((resolve) => setTimeout(resolve, 50)); }
          }
        };
        const [[before], after] = await Promise.all([once(server, "connection"), next()]);
        server.close();
        const lines = (await import("node:readline")).createInterface(before)[Symbol.asyncIterator]();
        let passing = 10 ** rank, sum = passing;
        for (let i = 1; i < hosts.length; i++) {
          after.write(passing + "\\n");
          passing = Number((await lines.next()).value);
          sum += passing;
        }
        after.end();
        writeFileSync(ml + "/model/" + me, "sum at " + me + " is " + sum + " over " + Object.keys(networkInterfaces()));
      `,
      { ResourceConfig: resources },
    );
    const job = await world.until(name, "Completed", "Failed");
    expect(job.FailureReason).toBeUndefined();
    const archive = await buffer(await world.server.platform.objects.read("data", `out/${name}/output/model.tar.gz`));
    for (const host of ["algo-1", "algo-2", "algo-3"]) {
      expect(gunzipSync(archive).toString("latin1")).toContain(`sum at ${host} is 111 over lo,eth0`);
    }
    await nothingIsLeft();
  });

  test("a host that fails ends the other, and the job says which and why", async () => {
    const name = await create(`
    if (me === "algo-1") forever();
    else { writeFileSync(ml + "/output/failure", "no such layer"); process.exitCode = 3; }
  `);
    const job = await world.until(name, "Failed");
    expect(job.FailureReason).toBe("AlgorithmError: algo-2: no such layer, exit code: 3");
    await nothingIsLeft();
  });

  test("a host whose supervisor is killed takes the other with it, and both begin again", async () => {
    const name = await create(
      `
      const mark = ml + "/checkpoints/" + me;
      if (existsSync(mark)) console.log("goes on");
      else { writeFileSync(mark, "x"); forever(); }
    `,
      { CheckpointConfig: { S3Uri: `s3://data/ckpt-${Math.random()}` } },
    );
    const [, second] = await untilUp();
    await world.until(name, "InProgress");
    const supervisor = readSupervisor(engineFolders(world.server.platform.dataDirectory.engine), second as string);
    process.kill(supervisor?.pid as number, "SIGKILL");
    const job = await world.until(name, "Completed", "Failed");
    expect(job.FailureReason).toBeUndefined();
    expect(job.SecondaryStatusTransitions?.map(({ StatusMessage }) => StatusMessage)).toContain(
      "The process that supervises the run ended without leaving an exit status. Starting again from the last checkpoint.",
    );
    await nothingIsLeft();
  }, 30_000);

  test("a stop reaches both hosts, and both may save what they have", async () => {
    const name = await create(`
    process.on("SIGTERM", () => { writeFileSync(ml + "/model/" + me, "saved by " + me); process.exit(0); });
    forever();
  `);
    await untilUp();
    await world.sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: name }));
    await world.until(name, "Stopped");
    const archive = await buffer(await world.server.platform.objects.read("data", `out/${name}/output/model.tar.gz`));
    for (const text of ["saved by algo-1", "saved by algo-2"]) {
      expect(gunzipSync(archive).toString("latin1")).toContain(text);
    }
    await nothingIsLeft();
  });

  test("a job of many hosts that ran out of time is stopped", async () => {
    const name = await create(`forever();`, { StoppingCondition: { MaxRuntimeInSeconds: 1 } });
    const job = await world.until(name, "Stopped", "Failed");
    expect(job.SecondaryStatus).toBe("MaxRuntimeExceeded");
    await nothingIsLeft();
  });

  test("of many who create a job of one name, one does", async () => {
    const TrainingJobName = `raced-${Date.now()}`;
    const created = await Promise.allSettled(
      Array.from({ length: 5 }, () => create(`forever();`, { TrainingJobName })),
    );
    const refused = created.filter((each) => each.status === "rejected");
    expect(refused.map(({ reason }) => (reason as Error).name)).toEqual(Array(4).fill("ResourceInUse"));
    expect(await untilUp()).toHaveLength(2);
    await world.sagemaker.send(new StopTrainingJobCommand({ TrainingJobName }));
    await world.until(TrainingJobName, "Stopped");
    await nothingIsLeft();
  });
});
