import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import {
  CreateTrainingJobCommand,
  type CreateTrainingJobCommandInput,
  DescribeTrainingJobCommand,
  type DescribeTrainingJobCommandOutput,
  SageMakerClient,
} from "@aws-sdk/client-sagemaker";
import { type CapacitySettings, defaultCapacity } from "../../../../capacity/capacity.ts";
import type { Configuration } from "../../../../configuration.ts";
import { type Engine, platformAddress } from "../../../../engines/engine.ts";
import { platformSocketPath } from "../../../../engines/index.ts";
import { startTestServer, type TestServer } from "../../../../gateway/testkit.ts";
import type { Gpus } from "../../../../gpus/gpus.ts";
import { Images } from "../../../../images/images.ts";
import { silentLog } from "../../../../log.ts";
import { createLoop } from "../../../../reconcile/loop.ts";
import type { Controller, ReconcileLoop } from "../../../../reconcile/reconcile.ts";
import { type RoleOfRun, type RunAccess, runAccess } from "../../../../run-access.ts";
import { cloudWatchService } from "../../../cloudwatch/service.ts";
import { logsService } from "../../../logs/service.ts";
import type { Service } from "../../../service.ts";
import { algorithmController } from "../../algorithm/reconcile.ts";
import { autoMLJobController } from "../../auto-ml-job/reconcile.ts";
import { wakeAutoMLJobs } from "../../auto-ml-job/wake.ts";
import { tuningJobController } from "../../hyper-parameter-tuning-job/reconcile.ts";
import { wakeTuningJobs } from "../../hyper-parameter-tuning-job/wake.ts";
import { sagemakerService } from "../../index.ts";
import { newJob } from "../create.ts";
import { instanceCount } from "../hosts.ts";
import { trainingJobController } from "../reconcile.ts";
import { type TrainingJobSpec, trainingJobKind } from "../training-job.ts";
import { warmPoolController } from "../warm-pool-controller.ts";
import { ScriptedEngine } from "./scripted-engine.ts";

/** A server that runs training jobs on a scripted engine, with a bucket `data` that has one object below `train/`. */
export interface JobServer<E extends Engine = ScriptedEngine> {
  readonly server: TestServer;
  readonly engine: E;
  readonly sagemaker: SageMakerClient;
  /** Creates a job from the ordinary request with changes. @returns Its name. */
  create(changes?: Partial<CreateTrainingJobCommandInput>): Promise<string>;
  /**
   * Creates a job of as many hosts as the request has instances, whatever its image. No operation does that for a
   * built-in algorithm, and the engine here runs no image anyway.
   */
  createHosts(changes: Partial<CreateTrainingJobCommandInput>): Promise<string>;
  /** Waits until a job is in one of the statuses. */
  until(name: string, ...statuses: string[]): Promise<DescribeTrainingJobCommandOutput>;
  close(): Promise<void>;
}

/** Role that every account has. */
export const roleArn = "arn:aws:iam::111122223333:role/SagebrushExecutionRole";

let names = 0;

/** An ordinary request with a fresh name. */
export function trainingJob(changes: Partial<CreateTrainingJobCommandInput> = {}): CreateTrainingJobCommandInput {
  names += 1;
  return {
    TrainingJobName: `Job-${names}`,
    RoleArn: roleArn,
    AlgorithmSpecification: { TrainingImage: "linear-learner:1", TrainingInputMode: "File" },
    HyperParameters: { predictor_type: "regressor", mini_batch_size: "10" },
    InputDataConfig: [
      {
        ChannelName: "train",
        ContentType: "text/csv",
        DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/train/" } },
      },
    ],
    OutputDataConfig: { S3OutputPath: "s3://data/out" },
    ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 10 },
    StoppingCondition: { MaxRuntimeInSeconds: 3600 },
    ...changes,
  };
}

/** Starts it on a scripted engine. */
export function startJobServer(): Promise<JobServer> {
  return startJobServerOn(async () => new ScriptedEngine());
}

/**
 * Starts it on the engine that `open` makes in the server's data directory.
 * @param memoryBytes - What the machine has, as far as jobs are told.
 */
export async function startJobServerOn<E extends Engine>(
  open: (directory: string) => Promise<E>,
  images = new Images(),
  configuration: Partial<Configuration> = {},
  memoryBytes = 8 * 2 ** 30,
  options: {
    readonly services?: readonly Service[];
    readonly credentialsLifetimeMs?: number;
    readonly gpus?: Gpus;
    readonly capacity?: CapacitySettings;
    readonly cpus?: number;
    /** A directory that an earlier server may have used, and that is left there; a temporary one when absent. */
    readonly dataDirectory?: string;
  } = {},
): Promise<JobServer<E>> {
  let access: RunAccess | undefined;
  let roleOf: RoleOfRun = async () => undefined;
  const {
    services = [],
    credentialsLifetimeMs: lifetimeMs,
    gpus,
    cpus = 2,
    capacity = { ...defaultCapacity, maxInstances: 4 },
  } = options;
  const server = await startTestServer({
    services: [sagemakerService, logsService, cloudWatchService, ...services],
    images,
    configuration,
    ...(options.dataDirectory !== undefined && { dataDirectory: options.dataDirectory }),
    runs: ({ dataDirectory, clock }, { root, createSession }) => {
      access = runAccess({
        ...{ secret: root.secretAccessKey, createSession, clock, log: silentLog },
        address: () => `http://${platformAddress}`,
        roleOf: (run) => roleOf(run),
        ...(lifetimeMs !== undefined && { lifetimeMs }),
      });
      const socket = platformSocketPath(dataDirectory.engine);
      mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
      return { socket, host: platformAddress, pages: { credentials: access.page } };
    },
  });
  const { store, objects, metrics, dataDirectory, clock } = server.platform;
  if (!(await objects.buckets.find("data"))) {
    await objects.buckets.create("data", { owner: "111122223333", region: "us-west-2", settings: {} });
  }
  await objects.put("data", "train/a.csv", bytes("1,2\n3,4\n"));
  const engine = await open(dataDirectory.engine);
  const controller = trainingJobController({
    ...{ store, objects, metrics, engine, images, dataDirectory, clock, log: silentLog },
    ...(access && { access }),
    host: { cpus, memoryBytes, gpus: gpus?.all.length ?? 0 },
    ...(gpus && { gpus }),
    capacity,
    wake: (key) => loop.wake(key),
    fileSystems: server.platform.configuration.fileSystems,
  });
  const pools = warmPoolController({ store, dataDirectory, clock });
  const algorithms = algorithmController(server.platform);
  roleOf = controller.roleOf;
  const loop: ReconcileLoop = createLoop({
    store,
    controllers: [
      ...[controller, pools, algorithms],
      ...[tuningJobController(server.platform), autoMLJobController(server.platform)],
    ] as Controller[],
    log: silentLog,
  });
  engine.watch((id) => {
    const owner = controller.ownerOf(id);
    if (owner) loop.wake(owner);
  });
  wakeTuningJobs(store, (key) => loop.wake(key));
  wakeAutoMLJobs(store, (key) => loop.wake(key));
  await loop.start();
  const sagemaker = new SageMakerClient(server.client);
  return {
    server,
    engine,
    sagemaker,
    async create(changes) {
      const input = trainingJob(changes);
      await sagemaker.send(new CreateTrainingJobCommand(input));
      return input.TrainingJobName as string;
    },
    async createHosts(changes) {
      const spec = trainingJob(changes) as TrainingJobSpec;
      const name = spec.TrainingJobName;
      const key = { account: "111122223333", region: "us-west-2", kind: trainingJobKind, name };
      const value = newJob({ arn: name, spec, hosts: instanceCount(spec) }, clock.now());
      await store.write([{ op: "create", key, value, status: "InProgress" }]);
      return name;
    },
    async until(name, ...statuses) {
      for (;;) {
        const job = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
        if (statuses.includes(job.TrainingJobStatus as string)) return job;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    async close() {
      await loop.stop();
      controller.close();
      await engine.close();
      await server.close();
    },
  };
}

/** A body of one chunk. */
export async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
