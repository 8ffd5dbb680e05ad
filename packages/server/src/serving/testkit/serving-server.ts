import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { ApplicationAutoScalingClient } from "@aws-sdk/client-application-auto-scaling";
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import { SageMakerClient } from "@aws-sdk/client-sagemaker";
import { SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { type CapacitySettings, defaultCapacity } from "../../capacity/capacity.ts";
import { machineCapacity } from "../../capacity/machine-capacity.ts";
import { type Clock, systemClock } from "../../clock.ts";
import type { Configuration } from "../../configuration.ts";
import { openDataDirectory } from "../../data-directory/open.ts";
import type { Engine } from "../../engines/engine.ts";
import { type CredentialStore, openCredentials } from "../../gateway/credentials.ts";
import { openGateway } from "../../gateway-workers/open-gateway.ts";
import type { WorkerPool } from "../../gateway-workers/worker-pool.ts";
import { hostGpus } from "../../gpus/nvidia.ts";
import { Images } from "../../images/images.ts";
import { thisHost } from "../../instance-types/fit-to-host.ts";
import { LocalKeys } from "../../kms/local-keys.ts";
import { readMasterKey } from "../../kms/master-key.ts";
import { jsonLog, type Log, silentLog } from "../../log.ts";
import { openMetricStore } from "../../metrics/sqlite/open-metric-store.ts";
import { type ObjectStorage, openObjectCatalogue } from "../../objects/object-storage.ts";
import type { Platform } from "../../platform.ts";
import { createLoop } from "../../reconcile/loop.ts";
import type { Controller, ReconcileLoop } from "../../reconcile/reconcile.ts";
import { scalableTargetController } from "../../services/application-autoscaling/reconcile.ts";
import { applicationAutoScalingService } from "../../services/application-autoscaling/service.ts";
import { wakeScalableTargets } from "../../services/application-autoscaling/wake.ts";
import { firstInAlarm } from "../../services/cloudwatch/alarm/current-alarm.ts";
import { cloudWatchService } from "../../services/cloudwatch/service.ts";
import { logsService } from "../../services/logs/service.ts";
import { s3Service } from "../../services/s3/index.ts";
import { endpointController } from "../../services/sagemaker/endpoint/reconcile.ts";
import { sagemakerService } from "../../services/sagemaker/index.ts";
import { componentController, wakeComponents } from "../../services/sagemaker/inference-component/controller.ts";
import { inferenceExperimentController } from "../../services/sagemaker/inference-experiment/reconcile.ts";
import { transformJobController } from "../../services/sagemaker/transform-job/reconcile.ts";
import { sagemakerRuntimeService } from "../../services/sagemaker-runtime/service.ts";
import { openNotifications } from "../../services/sns/open-notifications.ts";
import { snsService } from "../../services/sns/service.ts";
import { defaultSpotPolicy } from "../../spot-policy.ts";
import { openSqliteStore } from "../../store/sqlite/sqlite-store.ts";
import { openServing, type Serving } from "../open-serving.ts";
import { metricsPage } from "../prometheus/metrics-page.ts";
import { publishAsyncMetrics, publishVariantMetrics } from "../publish-metrics.ts";
import { InstanceLoads } from "../routing/instance-load.ts";
import { VariantLoads } from "../scaling/publish-load.ts";
import { heldFor } from "../scaling/waker.ts";
import { UtilizationMonitor } from "../utilization/utilization-monitor.ts";
import { FakeEngine } from "./fake-engine.ts";
import { tarGzOf } from "./tar-builder.ts";

/** A server with everything that endpoints need, real but for the engine. */
export interface ServingServer<AnyEngine extends Engine = FakeEngine> {
  readonly engine: AnyEngine;
  readonly serving: Serving;
  readonly platform: Platform & { readonly objects: ObjectStorage };
  readonly sagemaker: SageMakerClient;
  readonly runtime: SageMakerRuntimeClient;
  readonly cloudwatch: CloudWatchClient;
  readonly autoscaling: ApplicationAutoScalingClient;
  readonly account: string;
  readonly address: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly credentialStore: CredentialStore;
  readonly loads: InstanceLoads;
  readonly workers?: WorkerPool;
  readonly utilization: UtilizationMonitor;
  /** Stops listening and waits that long for requests under way. */
  drain(graceMs: number): Promise<void>;
  /** Writes what invocations were counted into the metrics, and what scaled variants have under way, as the server does every ten seconds. */
  publish(): Promise<void>;
  /** Has every scalable target looked at, as time does. */
  lookAtTargets(): Promise<void>;
  /** Writes an object into the bucket `models`, which is there. @returns Its S3 address. */
  upload(key: string, bytes: Buffer): Promise<string>;
  /** Stops the server and leaves data and runs as they are. */
  stop(): Promise<void>;
  /** Stops the server and opens another on the same data; the engine's runs go on as they do in life. */
  restart(): Promise<ServingServer<AnyEngine>>;
  close(): Promise<void>;
}

interface Options {
  readonly root?: string;
  readonly invocationTimeoutMs?: number;
  /** Time as the server sees it; the machine's where absent. With one, signatures are not checked: they are of the machine's time. */
  readonly clock?: Clock;
  readonly requestsPerInstance?: number;
  readonly metricsToken?: string;
  readonly capacity?: CapacitySettings;
  /** Gateway workers; one, which is this process, where absent. */
  readonly workers?: number;
  /** Of serverless environments. */
  readonly idleMs?: number;
  /** 64 hexadecimal digits; without it there are no KMS keys. */
  readonly masterKey?: string;
}

const account = "123456789012";
const region = "eu-west-1";

/** Starts one in a data directory of its own, with an engine whose runs are servers in this process. */
export async function startServingServer(options: Options = {}): Promise<ServingServer> {
  return await startServerWith(new FakeEngine(), options);
}

/** Starts one that runs its instances under any engine, which it closes in the end. */
export async function startServerWith<AnyEngine extends Engine>(
  engine: AnyEngine,
  options: Options = {},
): Promise<ServingServer<AnyEngine>> {
  const root = options.root ?? (await mkdtemp(join(tmpdir(), "serving-")));
  // What a test provokes on purpose is information or a warning; an error is a bug that should be seen.
  const loud = jsonLog((line) => process.stderr.write(line));
  const log: Log = { ...silentLog, error: (message, fields) => loud.error(message, fields) };
  const clock = options.clock ?? systemClock;
  const dataDirectory = await openDataDirectory(root);
  const store = await openSqliteStore(dataDirectory.database, { clock, commit: "inline" });
  const keys = new LocalKeys(readMasterKey(options.masterKey === undefined ? {} : { text: options.masterKey }));
  const objects = await openObjectCatalogue({ store, directory: dataDirectory.objects, keys, clock, log });
  const metrics = openMetricStore(dataDirectory.metrics, { clock });
  let loop: ReconcileLoop | undefined;
  let listening: { readonly address: string } | undefined;
  const { invocationTimeoutMs, requestsPerInstance, workers = 1 } = options;
  const loads = new InstanceLoads(workers === 1 ? 0 : workers);
  const images = new Images();
  const address = (): string => listening?.address ?? "";
  const notifications = await openNotifications({
    ...{ store, clock, log, address },
    configuration: configuration(root),
  });
  const serving = await openServing({
    announce: notifications.announce,
    ...(options.idleMs !== undefined && { idleMs: options.idleMs }),
    store,
    objects,
    engine,
    images,
    dataDirectory,
    ...{ clock, log, loads },
    wake: (key) => loop?.wake(key),
    ...(invocationTimeoutMs !== undefined && { invocationTimeoutMs }),
    ...(requestsPerInstance !== undefined && { requestsPerInstance }),
  });
  const room = machineCapacity(defaultCapacity, thisHost(), clock);
  const transformJobs = transformJobController({ ...serving, room, hostMetrics: metrics });
  const endpoints = endpointController({
    ...serving,
    firstInAlarm: (scope, names) => firstInAlarm({ store, metrics, clock }, scope, names),
  });
  const components = componentController({
    ...serving,
    firstInAlarm: (scope, names) => firstInAlarm({ store, metrics, clock }, scope, names),
  });
  const scaling = scalableTargetController({ store, metrics, clock, log, held: heldFor(serving.held) });
  const stopWaking = [
    wakeScalableTargets(store, log, (key) => loop?.wake(key)),
    wakeComponents(store, log, (key) => loop?.wake(key)),
  ];
  const counted = { counters: serving.metrics, fronts: serving.fronts, routes: serving.routes, metrics, clock, log };
  const variantLoads = new VariantLoads({ ...counted, store, held: serving.held });
  await variantLoads.open();
  const publish = async (): Promise<void> => {
    await publishVariantMetrics(counted);
    await publishAsyncMetrics({ ...serving, ...counted });
    variantLoads.sample();
    await variantLoads.publish();
  };
  const platform = {
    configuration: {
      ...configuration(root),
      ...(requestsPerInstance && { serving: { requestsPerInstance } }),
      ...(options.clock !== undefined && { auth: "open" as const }),
      ...(options.capacity && { capacity: options.capacity }),
    },
    dataDirectory,
    clock,
    log,
    store,
    objects,
    keys,
    images,
    metrics,
  };
  const experiments = inferenceExperimentController({ platform, publish });
  loop = createLoop({
    store,
    controllers: [endpoints, components, transformJobs, scaling, experiments] as Controller[],
    log,
  });
  const utilization = new UtilizationMonitor({
    ...{ engine, routes: serving.routes, metrics, gpus: hostGpus(), folder: dataDirectory.runs, clock, log },
  });
  const prometheus = metricsPage(
    { counters: serving.metrics, routes: serving.routes, sample: (runId) => utilization.sample(runId) },
    { token: options.metricsToken, isLocal: true },
  );
  const credentials = openCredentials(dataDirectory.credentials);
  const services = [
    ...[sagemakerService, sagemakerRuntimeService(serving), logsService, cloudWatchService],
    ...[applicationAutoScalingService, snsService(notifications.policy), s3Service],
  ];
  const pages = { sns: notifications.page };
  const gateway = await openGateway(
    { platform, services, credentials, pages, paths: { "/metrics": prometheus } },
    { workers, serving, loads, socket: join(root, "main.sock") },
  );
  listening = gateway;
  await loop.start();
  const client = { endpoint: gateway.address, region, credentials: credentials.root, maxAttempts: 1 };
  const [sagemaker, runtime] = [new SageMakerClient(client), new SageMakerRuntimeClient(client)];
  const cloudwatch = new CloudWatchClient(client);
  const autoscaling = new ApplicationAutoScalingClient(client);
  const stop = async (): Promise<void> => {
    sagemaker.destroy();
    runtime.destroy();
    cloudwatch.destroy();
    autoscaling.destroy();
    variantLoads.close();
    for (const stopWatching of stopWaking) stopWatching();
    await transformJobs.close();
    await loop?.stop();
    await gateway.close(0);
    await serving.close();
    await notifications.close();
    await metrics.close();
    await objects.close();
    await store.close();
    await dataDirectory.close();
  };
  return {
    engine,
    serving,
    platform,
    sagemaker,
    runtime,
    cloudwatch,
    autoscaling,
    publish,
    account,
    ...{ address: gateway.address, credentialStore: credentials, loads, utilization },
    ...(gateway.workers && { workers: gateway.workers }),
    drain: (graceMs) => gateway.close(graceMs),
    async lookAtTargets() {
      const { records } = await store.list({ kind: "scalable-target", limit: 1_000 });
      for (const record of records) loop?.wake(record);
    },
    credentials: credentials.root,
    async upload(key, bytes) {
      await objects.buckets.create("models", { owner: account, region, settings: {} });
      await objects.put("models", key, Readable.from([bytes]));
      return `s3://models/${key}`;
    },
    stop,
    async restart() {
      await stop();
      return await startServerWith(engine, { ...options, root });
    },
    async close() {
      await stop();
      await engine.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** A model artifact of one small file. */
export function modelArchive(): Buffer {
  return tarGzOf([{ path: "model.json", content: randomBytes(16).toString("hex") }]);
}

function configuration(dataDirectory: string): Configuration {
  return {
    dataDirectory,
    host: "127.0.0.1",
    port: 0,
    account,
    region,
    auth: "required",
    publicUrls: [],
    fileSystems: {},
    snsNetworks: [],
    serverlessIdleSeconds: 300,
    insecure: false,
    allowedOrigins: [],
    engine: "process",
    docker: { host: "none", runtime: "", ulimits: [] },
    spot: defaultSpotPolicy,
    capacity: defaultCapacity,
    masterKey: {},
  };
}
