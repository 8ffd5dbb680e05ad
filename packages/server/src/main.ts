import { randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { totalmem } from "node:os";
import { join } from "node:path";
import { machineCapacity } from "./capacity/machine-capacity.ts";
import { systemClock } from "./clock.ts";
import { type Configuration, ConfigurationError, engineSettings, isLoopback } from "./configuration.ts";
import { consolePage } from "./console-page.ts";
import { openDataDirectory } from "./data-directory/open.ts";
import { isIsolated, layersRefusal, platformAddress } from "./engines/engine.ts";
import { mainSocketPath, openEngines, platformSocketPath } from "./engines/index.ts";
import { PrestartedEngine } from "./engines/prestarted/prestarted-engine.ts";
import { collectAll, type Garbage } from "./garbage.ts";
import { openCredentials } from "./gateway/credentials.ts";
import type { GatewayOptions } from "./gateway/gateway.ts";
import { gatewayWorkers, openGateway } from "./gateway-workers/open-gateway.ts";
import { hostGpus } from "./gpus/nvidia.ts";
import { algorithmImages } from "./images/algorithm-image.ts";
import { FrameworkImages } from "./images/frameworks/framework-images.ts";
import { builtInFrameworks, extendedTable } from "./images/frameworks/framework-table.ts";
import { Images } from "./images/images.ts";
import { LayerCache } from "./images/layers/layer-cache.ts";
import { LibraryAlgorithmImages } from "./images/library-algorithm-images.ts";
import { NodePackages } from "./images/node-packages.ts";
import { OnnxImages } from "./images/onnx-images.ts";
import { RegistryImages } from "./images/registry-images.ts";
import { thisHost } from "./instance-types/fit-to-host.ts";
import { interruptPage } from "./interrupt-page.ts";
import { LocalKeys } from "./kms/local-keys.ts";
import { readMasterKey } from "./kms/master-key.ts";
import { jsonLog, type Log } from "./log.ts";
import { openMetricStore } from "./metrics/sqlite/open-metric-store.ts";
import { openObjectCatalogue } from "./objects/object-storage.ts";
import { containerImages } from "./own-registry-of.ts";
import { createLoop } from "./reconcile/loop.ts";
import type { Controller, ReconcileLoop } from "./reconcile/reconcile.ts";
import { ImageRegistry } from "./registry/image-registry.ts";
import { runAccess } from "./run-access.ts";
import { scalableTargetController } from "./services/application-autoscaling/reconcile.ts";
import { wakeScalableTargets } from "./services/application-autoscaling/wake.ts";
import { firstInAlarm } from "./services/cloudwatch/alarm/current-alarm.ts";
import { basicAuthentication } from "./services/ecr/distribution/admit.ts";
import { distributionSite } from "./services/ecr/distribution/site.ts";
import { registryTokens } from "./services/ecr/registry-tokens.ts";
import { allServices } from "./services/index.ts";
import { algorithmController } from "./services/sagemaker/algorithm/reconcile.ts";
import { autoMLJobController } from "./services/sagemaker/auto-ml-job/reconcile.ts";
import { wakeAutoMLJobs } from "./services/sagemaker/auto-ml-job/wake.ts";
import { endpointController } from "./services/sagemaker/endpoint/reconcile.ts";
import { tuningJobController } from "./services/sagemaker/hyper-parameter-tuning-job/reconcile.ts";
import { wakeTuningJobs } from "./services/sagemaker/hyper-parameter-tuning-job/wake.ts";
import { componentController, wakeComponents } from "./services/sagemaker/inference-component/controller.ts";
import { inferenceExperimentController } from "./services/sagemaker/inference-experiment/reconcile.ts";
import { interruptTrainingJob } from "./services/sagemaker/training-job/interrupt.ts";
import { trainingJobController } from "./services/sagemaker/training-job/reconcile.ts";
import { warmPoolController } from "./services/sagemaker/training-job/warm-pool-controller.ts";
import { transformJobController } from "./services/sagemaker/transform-job/reconcile.ts";
import { openNotifications } from "./services/sns/open-notifications.ts";
import { openServing } from "./serving/open-serving.ts";
import { type MetricsAccess, metricsPage } from "./serving/prometheus/metrics-page.ts";
import { publishEveryMs, startPublishing } from "./serving/publish-metrics.ts";
import { InstanceLoads } from "./serving/routing/instance-load.ts";
import { startMeasuringLoad } from "./serving/scaling/publish-load.ts";
import { heldFor } from "./serving/scaling/waker.ts";
import { UtilizationMonitor } from "./serving/utilization/utilization-monitor.ts";
import { openSqliteStore } from "./store/sqlite/sqlite-store.ts";
import type { RecordKey } from "./store/store.ts";

const collectEveryMs = 6 * 3600_000;
/** Late enough not to compete with what comes back to work after a start. */
const firstCollectionMs = 60_000;

/** The whole platform in one process. */
export interface Server {
  readonly url: string;
  readonly engine: string;
  /** What this machine lacks and what that costs, for people. */
  readonly notices: readonly string[];
  /** Lets a command of the same user ask for a collection: POST /_sagebrush/gc with this as bearer token. */
  readonly token: string;
  /** Stops answering and lets go of everything. Jobs and endpoints go on running. */
  close(): Promise<void>;
}

/** The composition root: reads nothing but the configuration, builds every part and starts it. */
export async function startServer(configuration: Configuration): Promise<Server> {
  const log = jsonLog((line) => process.stderr.write(line));
  const opened = new Opened();
  try {
    let loop: ReconcileLoop | undefined;
    const parts = await openParts(configuration, log, opened, (key) => loop?.wake(key));
    const { store, engine, serving, registry, clock } = parts;
    const credentials = openCredentials(parts.dataDirectory.credentials);
    let ownAddress = "";
    const access = runAccess({
      secret: credentials.root.secretAccessKey,
      // Plain processes have the host's loopback, and no other.
      address: (isIsolated) => (isIsolated ? `http://${platformAddress}` : ownAddress),
      roleOf: async (run) =>
        (await trainingJobs.roleOf(run)) ??
        (await endpoints.roleOf(run)) ??
        (await components.roleOf(run)) ??
        (await transformJobs.roleOf(run)),
      createSession: credentials.createSession,
      clock,
      log,
    });
    const room = machineCapacity(configuration.capacity, thisHost(), clock);
    const trainingJobs = trainingJobController({
      ...parts,
      access,
      room,
      spot: configuration.spot,
      capacity: configuration.capacity,
      fileSystems: configuration.fileSystems,
      wake: (key) => loop?.wake(key),
    });
    opened.add(() => trainingJobs.close());
    const endpoints = endpointController({
      ...{ ...serving, access },
      firstInAlarm: (scope, names) => firstInAlarm(parts, scope, names),
    });
    const components = componentController({
      ...{ ...serving, access },
      firstInAlarm: (scope, names) => firstInAlarm(parts, scope, names),
    });
    const transformJobs = transformJobController({ ...serving, access, room, hostMetrics: parts.metrics });
    const algorithms = algorithmController({ configuration, ...parts });
    const tuningJobs = tuningJobController({ configuration, ...parts });
    const scaling = scalableTargetController({ ...parts, held: heldFor(serving.held) });
    const autoMLJobs = autoMLJobController({ configuration, ...parts });
    const experiments = inferenceExperimentController({
      platform: { configuration, ...parts },
      publish: () => parts.publishing.publish(),
    });
    const controllers = [
      ...[trainingJobs, warmPoolController(parts), algorithms, endpoints, transformJobs, tuningJobs],
      ...[components, scaling, autoMLJobs, experiments],
    ];
    loop = createLoop({ store, controllers: controllers as Controller[], log });
    const stopWatching = engine.watch((id) => {
      const owner = trainingJobs.ownerOf(id);
      if (owner) loop?.wake(owner);
    });
    opened.add(stopWatching);
    opened.add(wakeTuningJobs(store, (key) => loop?.wake(key)));
    opened.add(wakeComponents(store, log, (key) => loop?.wake(key)));
    opened.add(wakeScalableTargets(store, log, (key) => loop?.wake(key)));
    opened.add(wakeAutoMLJobs(store, (key) => loop?.wake(key)));

    const token = randomBytes(24).toString("base64url");
    const isAllowed = bearerOf(token);
    const collect = (): Promise<Garbage> => collectAll(parts);
    const interrupt = interruptPage(isAllowed, configuration, (job) => interruptTrainingJob(parts, job));
    const prometheus = metricsPage(
      { counters: serving.metrics, routes: serving.routes, sample: (runId) => parts.utilization.sample(runId) },
      metricsAccess(configuration),
    );
    const tokens = registryTokens(credentials.root.secretAccessKey);
    const admit = basicAuthentication({ tokens, root: credentials.root, configuration, clock });
    const gatewayOptions: GatewayOptions = {
      platform: { configuration, ...parts },
      services: allServices(serving, credentials.createSession, { registry, tokens }, parts.notifications.policy),
      credentials,
      sites: [distributionSite({ registry, tokens, admit, clock, log })],
      pages: {
        console: consolePage,
        gc: collectionPage(isAllowed, collect),
        ...{ interrupt, metrics: prometheus, sns: parts.notifications.page },
        ...(!isIsolated(engine, "files") && { credentials: access.page }),
      },
      paths: { "/metrics": prometheus },
      runs: {
        socket: platformSocketPath(parts.dataDirectory.engine),
        host: platformAddress,
        pages: { credentials: access.page },
      },
    };
    const gateway = await openGateway(gatewayOptions, {
      ...{ serving, workers: parts.workers, loads: parts.loads },
      socket: mainSocketPath(parts.dataDirectory.engine),
    });
    ownAddress = gateway.address;
    parts.listening.address = gateway.address;
    opened.add(() => gateway.close());
    parts.listening.port = gateway.port;
    await loop.start();
    opened.add(() => loop?.stop());
    // Before the loop: a step that waits for instances to end would hold it up.
    opened.add(() => transformJobs.close());
    opened.add(repeat(collect, log));
    return {
      url: gateway.address,
      engine: engine.name,
      notices: engine.capabilities.notices,
      token,
      close: () => opened.close(),
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Collects soon after the start, for what a crash left, and then every few hours. @returns Stops; waits for one under way. */
function repeat(collect: () => Promise<Garbage>, log: Log): () => Promise<void> {
  let running: Promise<unknown> = Promise.resolve();
  const once = (): void => {
    running = running
      .then(collect)
      .catch((error: unknown) => log.warn("A collection failed; the next one tries again.", { error }));
  };
  const first = setTimeout(once, firstCollectionMs).unref();
  const timer = setInterval(once, collectEveryMs).unref();
  return async () => {
    clearTimeout(first);
    clearInterval(timer);
    await running;
  };
}

/** Collects without a server. @throws DataDirectoryInUse when one runs. */
export async function collectOnce(configuration: Configuration): Promise<Garbage> {
  const opened = new Opened();
  try {
    const log = jsonLog((line) => process.stderr.write(line));
    return await collectAll(await openParts(configuration, log, opened, () => {}));
  } finally {
    await opened.close();
  }
}

/** What was opened, closed in reverse order: also when a later part fails to open. */
class Opened {
  readonly #closers: (() => Promise<void> | void)[] = [];

  add(closer: () => Promise<void> | void | undefined): void {
    this.#closers.push(closer as () => Promise<void> | void);
  }

  async close(): Promise<void> {
    for (const closer of this.#closers.splice(0).reverse()) await closer();
  }
}

/** Everything below the API, opened in the order of who stands on whom. */
async function openParts(configuration: Configuration, log: Log, opened: Opened, wake: (key: RecordKey) => void) {
  const clock = systemClock;
  const dataDirectory = await openDataDirectory(configuration.dataDirectory);
  opened.add(() => dataDirectory.close());
  const store = await openSqliteStore(dataDirectory.database, { clock });
  opened.add(() => store.close());
  const metrics = openMetricStore(dataDirectory.metrics, { clock });
  opened.add(() => metrics.close());
  const keys = new LocalKeys(readMasterKey(configuration.masterKey));
  const { objects: directory, memory: memoryDirectory } = dataDirectory;
  const objects = await openObjectCatalogue({ store, directory, memoryDirectory, keys, clock, log });
  opened.add(() => objects.close());
  const registry = new ImageRegistry({ store, bytes: objects.bytes, clock });
  const { engine: engines, docker } = await openEngines({
    directory: dataDirectory.engine,
    ...engineSettings(configuration),
    log,
    isolationRequired: !isLoopback(configuration.host),
    platformSocket: platformSocketPath(dataDirectory.engine),
  });
  const engine = await PrestartedEngine.open({
    engine: engines,
    directory: join(dataDirectory.engine, "prestarted"),
    most: configuration.serving?.spareModelServers ?? spareModelServers(totalmem()),
    log,
  });
  opened.add(() => engine.close());
  const table =
    configuration.frameworksFile === undefined ? builtInFrameworks : extendedTable(configuration.frameworksFile);
  const environments = configuration.environmentsDirectory ?? dataDirectory.environments;
  const frameworks = new FrameworkImages({ directory: environments, table, log });
  opened.add(() => frameworks.close());
  const nodePackages = new NodePackages({ directory: environments, log });
  opened.add(() => nodePackages.close());
  const layerCache = new LayerCache(dataDirectory.images);
  const registryImages = new RegistryImages({
    ...{ registry, cache: layerCache, publicUrls: configuration.publicUrls },
    refusal: () => layersRefusal(engine.capabilities),
  });
  /** The gateway's port, once it listens: container engines pull from it. */
  const listening: { port?: number; address?: string } = {};
  const credentialsFile = dataDirectory.credentials;
  const own = { docker, registry, configuration, clock, credentialsFile, port: () => listening.port };
  const images = new Images(
    [
      ...[algorithmImages, new LibraryAlgorithmImages(frameworks), new OnnxImages(nodePackages), frameworks],
      ...[...containerImages(own), registryImages],
    ],
    table,
  );
  const address = (): string => listening.address ?? "";
  const notifications = await openNotifications({ store, configuration, clock, log, address });
  opened.add(() => notifications.close());
  const { announce } = notifications;
  const idleMs = configuration.serverlessIdleSeconds * 1_000;
  const workers = gatewayWorkers(configuration);
  const loads = new InstanceLoads(workers === 1 ? 0 : workers);
  const { requestsPerInstance } = configuration.serving ?? {};
  const serving = await openServing({
    ...{ store, objects, engine, images, dataDirectory, clock, log, wake, announce, idleMs, loads },
    ...(requestsPerInstance !== undefined && { requestsPerInstance }),
  });
  opened.add(() => serving.close());
  const counted = { counters: serving.metrics, fronts: serving.fronts, routes: serving.routes, metrics, clock, log };
  const publishing = startPublishing({ ...serving, ...counted });
  opened.add(() => publishing.stop());
  opened.add(await startMeasuringLoad({ ...counted, store, held: serving.held }, publishEveryMs));
  const utilization = new UtilizationMonitor({
    ...{ engine, routes: serving.routes, metrics, gpus: hostGpus(), folder: dataDirectory.runs, clock, log },
  });
  utilization.start();
  opened.add(() => utilization.stop());
  return {
    ...{ dataDirectory, store, objects, keys, metrics, registry, engine, images, frameworks, layerCache },
    ...{ serving, publishing, notifications, utilization, workers, loads, clock, log, listening },
  };
}

/** Behind a name of its own a server is reached by others, whatever it listens on. */
function metricsAccess({ host, publicUrls, serving }: Configuration): MetricsAccess {
  const file = serving?.metricsTokenFile;
  const token = file === undefined ? undefined : readFileSync(file, "utf8").trim();
  if (token === "") throw new ConfigurationError(`--metrics-token-file ${file} is empty.`);
  return { token, isLocal: isLoopback(host) && publicUrls.length === 0 };
}

/** One spare for every 8 GiB of the machine, at most four: each takes some 60 MB while it waits. */
function spareModelServers(memoryBytes: number): number {
  return Math.min(4, Math.floor(memoryBytes / (8 * 2 ** 30)));
}

/** Tells requests of whoever can read the server's note, which is the user who started it. */
function bearerOf(token: string): (request: IncomingMessage) => boolean {
  const expected = Buffer.from(`Bearer ${token}`);
  return (request) => {
    const given = Buffer.from(request.headers.authorization ?? "");
    return given.length === expected.length && timingSafeEqual(given, expected);
  };
}

/** Collects what has outlived its retention. */
function collectionPage(isAllowed: (request: IncomingMessage) => boolean, collect: () => Promise<Garbage>) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (request.method !== "POST" || !isAllowed(request)) {
      response.writeHead(403).end();
      return;
    }
    collect().then(
      (garbage) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(garbage)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  };
}
