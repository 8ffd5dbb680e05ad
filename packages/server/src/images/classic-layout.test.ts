import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloudWatchLogsClient, FilterLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { CreateRepositoryCommand, ECRClient } from "@aws-sdk/client-ecr";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateTrainingJobCommand,
  DescribeTrainingJobCommand,
  type DescribeTrainingJobCommandOutput,
  SageMakerClient,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { readConfiguration } from "../configuration.ts";
import { PodmanService, podmanLimits } from "../engines/docker/testkit/podman-service.ts";
import { requirements, where } from "../engines/requirements.ts";
import { type Server, startServer } from "../main.ts";
import { type TarMember, tarOf } from "../serving/testkit/tar-builder.ts";
import { hostArchitecture } from "./image-config.ts";
import { canMakeToolkitLayer, trainingToolkitLayer } from "./testkit/training-toolkit-layer.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });

/** What users' images hold: the script, and by the older way a module of their own framework. */
const code: readonly TarMember[] = [
  { path: "usr/bin/which", flag: "2", linkTo: "/bin/busybox" }, // the toolkit looks for launchers with it
  {
    path: "opt/ml/code/train.py",
    content: `import argparse, csv, json, os, sys
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--learning-rate", type=float)
parser.add_argument("--fail", default="")
args = parser.parse_args()
print("epochs", args.epochs, "rate", args.learning_rate, "on", os.environ["SM_CURRENT_HOST"], flush=True)
if args.fail == "with 7":
    print("no such colour: green", file=sys.stderr)
    sys.exit(7)
folder = os.environ["SM_CHANNEL_TRAIN"]
rows = [row for name in sorted(os.listdir(folder)) for row in csv.reader(open(os.path.join(folder, name)))]
with open(os.path.join(os.environ["SM_MODEL_DIR"], "model.json"), "w") as model:
    json.dump({"rows": len(rows), "hyperparameters": json.loads(os.environ["SM_HPS"])}, model)
`,
  },
  {
    path: "opt/framework/own_framework.py",
    content: `import json
from sagemaker_training import environment
def main():
    env = environment.Environment()
    print("the framework has", json.dumps(env.hyperparameters, sort_keys=True), flush=True)
    if env.hyperparameters.get("fail") == "raise":
        raise RuntimeError("the framework is broken")
    with open(env.model_dir + "/by-framework", "w") as model:
        model.write(env.channel_input_dirs["train"])
`,
  },
];

const account = "000000000000";
const repository = "classic";
const parts = {
  name: "Python 3.11 of the distribution with its headers, python3-venv and a C compiler",
  met: requirements.pythonEnvironments.met && canMakeToolkitLayer(),
};
const { bubblewrap, busybox, containers, nativeSupervisor, root, userNamespaces } = requirements;

where("the classic layout", [parts, busybox, containers, bubblewrap, userNamespaces, nativeSupervisor, root], () => {
  let directory: string;
  let podman: PodmanService;

  // One data directory for both engines: the image is pushed once.
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "sagebrush-classic-"));
    podman = await PodmanService.open();
    const world = await World.start(directory, { engine: "sandbox" });
    try {
      await world.fill();
    } finally {
      await world.close();
    }
  });
  afterAll(async () => {
    await podman?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  for (const engine of ["sandbox", "docker"] as const) {
    describe(engine === "docker" ? "on Podman" : "in the sandbox", () => {
      let world: World;
      beforeAll(async () => {
        world = await World.start(directory, {
          engine,
          ...(engine === "docker" && {
            "docker-host": `unix://${podman.socketPath}`,
            "docker-ulimit": podmanLimits.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`),
          }),
        });
      });
      afterAll(() => world?.close());

      test("SAGEMAKER_PROGRAM runs by the image's train, with hyperparameters as arguments, and leaves a model", async () => {
        const { job, lines } = await world.train(engine, "program", { epochs: "3", "learning-rate": "0.25" });
        expect(job.FailureReason).toBeUndefined();
        expect(job.TrainingJobStatus).toBe("Completed");
        expect(lines).toContain("epochs 3 rate 0.25 on algo-1");
        expect(lines.join("\n")).toContain("Reporting training SUCCESS");
        expect(JSON.parse(await world.fromModel(job, "model.json"))).toEqual({
          rows: 2,
          hyperparameters: { epochs: 3, "learning-rate": 0.25 },
        });
      });

      test("a script that fails: its exit code in the toolkit's /opt/ml/output/failure, its last words in the log", async () => {
        const { job, lines } = await world.train(engine, "program", { fail: "with 7" });
        expect(job.TrainingJobStatus).toBe("Failed");
        expect(job.FailureReason).toMatch(
          /^AlgorithmError: ExecuteUserScriptError:\nExitCode 7\nErrorMessage ""\nCommand "\/usr\/bin\/python3 (?:-- )?train\.py --fail with 7", exit code: 1$/,
        );
        expect(lines).toContain("no such colour: green");
      });

      test("the older SAGEMAKER_TRAINING_MODULE calls a function of the image's own", async () => {
        const { job, lines } = await world.train(engine, "module", { epochs: "2" });
        expect(job.FailureReason).toBeUndefined();
        expect(lines).toContain('the framework has {"epochs": 2}');
        expect(await world.fromModel(job, "by-framework")).toBe("/opt/ml/input/data/train");
        const { job: failed } = await world.train(engine, "module", { fail: "raise" });
        expect(failed.FailureReason).toMatch(
          /^AlgorithmError: Framework Error: \n[^]*RuntimeError: the framework is broken[^]*, exit code: 1$/,
        );
      });
    });
  }
});

/** A server on the data directory, and its clients. */
class World {
  readonly #server: Server;
  readonly #s3: S3Client;
  readonly #sagemaker: SageMakerClient;
  readonly #logs: CloudWatchLogsClient;
  readonly #ecr: ECRClient;
  readonly #authorization: string;
  #jobs = 0;

  private constructor(server: Server, credentials: { accessKeyId: string; secretAccessKey: string }) {
    const client = { endpoint: server.url, region: "us-east-1", credentials };
    this.#server = server;
    this.#s3 = new S3Client({ ...client, forcePathStyle: true });
    this.#sagemaker = new SageMakerClient(client);
    this.#logs = new CloudWatchLogsClient(client);
    this.#ecr = new ECRClient(client);
    const pair = `${credentials.accessKeyId}:${credentials.secretAccessKey}`;
    this.#authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
  }

  static async start(directory: string, settings: Record<string, string | readonly string[]>): Promise<World> {
    const server = await startServer(readConfiguration({ "data-dir": directory, port: "0", ...settings }, {}));
    return new World(server, JSON.parse(readFileSync(join(directory, "credentials.json"), "utf8")));
  }

  /** Pushes the image, with the toolkit told of the code in both ways, and puts the data in place. */
  async fill(): Promise<void> {
    await this.#ecr.send(new CreateRepositoryCommand({ repositoryName: repository }));
    await this.#s3.send(new CreateBucketCommand({ Bucket: "data" }));
    await this.#s3.send(new PutObjectCommand({ Bucket: "data", Key: "train/a.csv", Body: "1,2\n3,4\n" }));
    const layers = [trainingToolkitLayer(), tarOf(code)];
    const Env = ["PATH=/usr/local/bin:/usr/bin:/bin", "PYTHONUNBUFFERED=1", "PYTHONPATH=/opt/framework"];
    const config = { Entrypoint: ["train"], WorkingDir: "/" };
    await this.#push("program", layers, { ...config, Env: [...Env, "SAGEMAKER_PROGRAM=train.py"] });
    const module = "SAGEMAKER_TRAINING_MODULE=own_framework:main";
    await this.#push("module", layers, { ...config, Env: [...Env, module] });
  }

  async train(
    engine: string,
    tag: string,
    HyperParameters: Record<string, string>,
  ): Promise<{ job: DescribeTrainingJobCommandOutput; lines: string[] }> {
    const TrainingJobName = `${engine}-${tag}-${++this.#jobs}`;
    const S3DataSource = { S3DataType: "S3Prefix", S3Uri: "s3://data/train/" } as const;
    await this.#sagemaker.send(
      new CreateTrainingJobCommand({
        TrainingJobName,
        RoleArn: `arn:aws:iam::${account}:role/SagebrushExecutionRole`,
        AlgorithmSpecification: {
          TrainingImage: `${account}.dkr.ecr.us-east-1.amazonaws.com/${repository}:${tag}`,
          TrainingInputMode: "File",
        },
        HyperParameters,
        InputDataConfig: [{ ChannelName: "train", DataSource: { S3DataSource } }],
        OutputDataConfig: { S3OutputPath: "s3://data/out" },
        ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
        StoppingCondition: { MaxRuntimeInSeconds: 600 },
      }),
    );
    for (;;) {
      const job = await this.#sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName }));
      if (job.TrainingJobStatus !== "InProgress") return { job, lines: await this.#lines(TrainingJobName) };
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** A file of the model that a job left in S3. */
  async fromModel(job: DescribeTrainingJobCommandOutput, name: string): Promise<string> {
    const Key = new URL(job.ModelArtifacts?.S3ModelArtifacts ?? "").pathname.slice(1);
    const { Body } = await this.#s3.send(new GetObjectCommand({ Bucket: "data", Key }));
    const input = (await Body?.transformToByteArray()) as Uint8Array;
    return execFileSync("tar", ["-xzOf", "-", name], { input, encoding: "utf8" });
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  async #lines(job: string): Promise<string[]> {
    const group = { logGroupName: "/aws/sagemaker/TrainingJobs", logStreamNamePrefix: `${job}/` };
    const { events = [] } = await this.#logs.send(new FilterLogEventsCommand(group));
    return events.map(({ message }) => message ?? "");
  }

  async #push(tag: string, layers: readonly Buffer[], config: object): Promise<void> {
    const diffIds = layers.map(digestOf);
    const about = {
      architecture: hostArchitecture(),
      os: "linux",
      config,
      rootfs: { type: "layers", diff_ids: diffIds },
    };
    const blobs = [Buffer.from(JSON.stringify(about)), ...layers];
    for (const blob of blobs) {
      const known = await this.#call("HEAD", `blobs/${digestOf(blob)}`);
      if (known.status === 200) continue;
      expect((await this.#call("POST", `blobs/uploads/?digest=${digestOf(blob)}`, blob)).status).toBe(201);
    }
    const types = ["config.v1+json", "layer.v1.tar", "layer.v1.tar"];
    const [first, ...rest] = blobs.map((blob, at) => ({
      mediaType: `application/vnd.oci.image.${types[at]}`,
      digest: digestOf(blob),
      size: blob.length,
    }));
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config: first, layers: rest });
    expect((await this.#call("PUT", `manifests/${tag}`, manifest, { "content-type": mediaType })).status).toBe(201);
  }

  #call(method: string, path: string, body?: string | Buffer, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.#server.url}/v2/${repository}/${path}`, {
      method,
      headers: { authorization: this.#authorization, ...headers },
      ...(body !== undefined && { body: body as string }),
    });
  }
}

function digestOf(blob: Buffer): string {
  return `sha256:${createHash("sha256").update(blob).digest("hex")}`;
}
