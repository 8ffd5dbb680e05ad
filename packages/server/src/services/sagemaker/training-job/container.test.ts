import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { DescribeTrainingJobCommand, StopTrainingJobCommand } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DockerEngine } from "../../../engines/docker/docker-engine.ts";
import { PodmanService, podmanLimits } from "../../../engines/docker/testkit/podman-service.ts";
import type { Engine } from "../../../engines/engine.ts";
import { openEngines } from "../../../engines/open-engines.ts";
import { requirements, where } from "../../../engines/requirements.ts";
import { DockerImages } from "../../../images/docker-images.ts";
import type { ImageSource } from "../../../images/image.ts";
import { Images } from "../../../images/images.ts";
import { silentLog } from "../../../log.ts";
import { type JobServer, startJobServerOn } from "./testkit/job-server.ts";

/** What the image runs: it changes its input, leaves a model and says where it is. */
const trainScript = `#!/bin/sh
set -e
[ "$1" = train ] || exit 9
cp -r /opt/ml/input/data/train/. /opt/ml/model/
echo changed >> /opt/ml/input/data/train/a.csv
echo "in $(pwd) as $(hostname), colour $COLOUR, shape $SHAPE"
echo saved > /opt/ml/output/data/note
`;

where("training in containers", [requirements.containers], () => {
  let podman: PodmanService;
  let docker: DockerEngine | undefined;
  let world: JobServer<Engine>;

  beforeAll(async () => {
    podman = await PodmanService.open();
    await podman.baseImage("localhost/trainer", {
      changes: ['ENTRYPOINT ["/bin/sh", "/bin/train"]', "WORKDIR /opt/program", "ENV COLOUR=image", "ENV SHAPE=image"],
      async add(files) {
        await mkdir(join(files, "bin"), { recursive: true });
        await writeFile(join(files, "bin/train"), trainScript, { mode: 0o755 });
      },
    });
    // The engine lies in the server's data directory, which is made after its images.
    let source: DockerImages | undefined;
    const containers: ImageSource = {
      refusal: (image) => source?.refusal(image),
      prepare: (request) => (source as DockerImages).prepare(request),
    };
    world = await startJobServerOn(
      async (directory) => {
        const containerSettings = { ulimits: podmanLimits };
        const settings = { kind: "docker" as const, dockerHost: podman.socketPath, containerSettings, log: silentLog };
        const opened = await openEngines({ directory, ...settings });
        docker = opened.docker;
        if (docker) source = new DockerImages(docker);
        return opened.engine;
      },
      new Images([containers]),
      { masterKey: { text: "6b".repeat(32) } },
    );
  }, 60_000);
  afterAll(async () => {
    await world?.close();
    await podman?.close();
  }, 60_000);

  const ended = (name: string) => world.until(name, "Completed", "Failed", "Stopped");
  const read = async (key: string) =>
    Buffer.from(await text(await world.server.platform.objects.read("data", key)), "utf8");
  const image = (changes: object = {}) => ({
    AlgorithmSpecification: { TrainingImage: "localhost/trainer", TrainingInputMode: "File" as const, ...changes },
    HyperParameters: {},
  });

  test("an image's train becomes a model; its input may be changed and stays as it was; its variables are overridden", async () => {
    const name = await world.create({ ...image(), Environment: { COLOUR: "caller" } });
    const job = await ended(name);
    expect(job.FailureReason).toBeUndefined();
    expect((await read("train/a.csv")).toString()).toBe("1,2\n3,4\n");
    const archives: string[] = [];
    for await (const { key } of world.server.platform.objects.list("data", `out/${name}/`)) archives.push(key);
    expect(archives).toEqual([`out/${name}/output/model.tar.gz`, `out/${name}/output/output.tar.gz`]);
    const chunks: Buffer[] = [];
    for await (const chunk of await world.server.platform.objects.read("data", archives[0] as string))
      chunks.push(chunk as Buffer);
    const model = gunzipSync(Buffer.concat(chunks)).toString("latin1");
    expect(model).toContain("a.csv");
    expect(model).toContain("1,2\n3,4\n");
  });

  test("an entry point and arguments of the caller's take the image's place; what the run says is the reason", async () => {
    const script = `echo "$0 $1 $COLOUR" > /opt/ml/output/failure; exit 3`;
    const name = await world.create(
      image({ ContainerEntrypoint: ["/bin/sh", "-c"], ContainerArguments: [script, "zero", "one two"] }),
    );
    const job = await ended(name);
    expect(job).toMatchObject({ TrainingJobStatus: "Failed" });
    expect(job.FailureReason).toContain("zero one two image");
    expect(job.FailureReason).toContain("3");
  });

  test("an image that cannot be had fails the job, whose reason says why", async () => {
    const job = await ended(await world.create(image({ TrainingImage: "127.0.0.1:1/team/absent:1" })));
    expect(job.FailureReason).toMatch(
      /^ClientError: The image 127\.0\.0\.1:1\/team\/absent:1 cannot be pulled: .* cannot be reached/,
    );
  });

  test("a command that is not in the image fails the job and is named", async () => {
    const job = await ended(await world.create(image({ ContainerEntrypoint: ["/no/such/program"] })));
    expect(job.TrainingJobStatus).toBe("Failed");
    expect(job.FailureReason).toContain("/no/such/program");
  });

  test("the hosts of a job find each other by name", async () => {
    const answer = "echo hello | nc -l -p 7777";
    const ask = "until nc -w 1 algo-2 7777 </dev/null; do sleep 0.1; done";
    const script = `set -e; grep -q algo-1 /etc/hosts; if [ $(hostname) = algo-2 ]; then ${answer}; else ${ask}; fi`;
    const name = await world.create({
      ...image({ ContainerEntrypoint: ["/bin/sh", "-c", script] }),
      ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 2, VolumeSizeInGB: 10 },
    });
    const job = await ended(name);
    expect(job.FailureReason).toBeUndefined();
    expect(job.TrainingJobStatus).toBe("Completed");
  });

  test("what a container writes outside /opt/ml fills its volume too", async () => {
    const script = "dd if=/dev/zero of=/var-filler bs=1M count=1100; sync; echo filled; while true; do sleep 0.1; done";
    const name = await world.create({
      ...image({ ContainerEntrypoint: ["/bin/sh", "-c", script] }),
      ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
    });
    const job = await ended(name);
    expect(job.FailureReason).toMatch(/^ClientError: No space left on device: the job filled its volume of 1 GB/);
  }, 60_000);

  test("the output of a container is encrypted under its key; a volume that cannot be is refused", async () => {
    const key = "alias/mine";
    const name = await world.create({
      ...image(),
      OutputDataConfig: { S3OutputPath: "s3://data/out", KmsKeyId: key },
    });
    const job = await ended(name);
    expect(job.FailureReason).toBeUndefined();
    const { objects, dataDirectory } = world.server.platform;
    const entry = await objects.head("data", `out/${name}/output/model.tar.gz`);
    expect(entry?.isEncrypted).toBe(true);
    const chunks = (await objects.read("data", `out/${name}/output/model.tar.gz`)).toArray() as Promise<Buffer[]>;
    expect(gunzipSync(Buffer.concat(await chunks)).toString("latin1")).toContain("1,2\n3,4\n");
    const resources = { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 } as const;
    const refused = await ended(
      await world.create({ ...image(), ResourceConfig: { ...resources, VolumeKmsKeyId: key } }),
    );
    expect(refused.FailureReason).toMatch(/^ClientError: Containers of Docker and Podman write outside \/opt\/ml/);
    const runs = () => readdir(join(dataDirectory.memory as string, "runs"));
    await expect.poll(runs, { timeout: 20_000 }).toEqual([]);
    await rm(dataDirectory.memory as string, { recursive: true });
  }, 60_000);

  test("credentials from a function are refused, with what to do instead", async () => {
    const arn = "arn:aws:lambda:us-west-2:111122223333:function:login";
    const config = {
      TrainingRepositoryAccessMode: "Vpc" as const,
      TrainingRepositoryAuthConfig: { TrainingRepositoryCredentialsProviderArn: arn },
    };
    await expect(world.create(image({ TrainingImageConfig: config }))).rejects.toThrow(
      /no functions run here.*docker login/,
    );
  });

  test("nothing is left of what has ended", async () => {
    // Freed after the end was told, so that nobody waits for it.
    while ((await docker?.list())?.length !== 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await podman.api.json({ method: "GET", path: "/containers/json", query: { all: 1 } })).toEqual([]);
  });

  test("a stopped job ends, and keeps what it saved", async () => {
    const script = "trap 'echo late > /opt/ml/model/m; exit 0' TERM; echo up; while true; do sleep 0.1; done";
    const name = await world.create(image({ ContainerEntrypoint: ["/bin/sh", "-c", script] }));
    await untilSecondary(world, name, "Training");
    await world.sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: name }));
    expect(await ended(name)).toMatchObject({ TrainingJobStatus: "Stopped" });
  });
});

async function untilSecondary(world: JobServer<Engine>, name: string, wanted: string): Promise<void> {
  for (;;) {
    const job = await world.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
    if (job.SecondaryStatus === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
