import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import type { DataDirectory } from "../data-directory.ts";
import type { Engine } from "../engines/engine.ts";
import type { Images } from "../images/images.ts";
import { thisHost } from "../instance-types/fit-to-host.ts";
import type { Log } from "../log.ts";
import type { ObjectCatalogue } from "../objects/object-catalogue.ts";
import type { RecordKey, Store } from "../store/store.ts";
import { ModelCache } from "./artifacts/model-cache.ts";
import type { AsyncWorld } from "./asynchronous/answer-request.ts";
import { AsyncQueues } from "./asynchronous/async-queues.ts";
import { Captures } from "./capture/capture.ts";
import { servedRecords } from "./components/served-records.ts";
import { CountedValues } from "./counted-values.ts";
import { containersOf, modelKeysOf, runIdsOf } from "./fleet.ts";
import { Fronts } from "./fronts/fronts.ts";
import { reopenFronts } from "./fronts/observe-server.ts";
import { HealthChecks } from "./health.ts";
import { HoldQueue } from "./hold/hold-queue.ts";
import { firstOf, retryOnChange } from "./hold/wait-for-instance.ts";
import { Invoker } from "./invoke/invoker.ts";
import type { InstanceLoads } from "./routing/instance-load.ts";
import { RoutingTable } from "./routing/routing-table.ts";
import { scalingWaker } from "./scaling/waker.ts";
import { Serverless } from "./serverless/serverless.ts";
import { VariantCounters } from "./variant-metrics.ts";

/** Extracted models that no endpoint uses are kept this long, for the next endpoint of the same model. */
const unusedModelMs = 24 * 3600_000;

/** What serving stands on. */
export interface ServingOptions {
  readonly store: Store;
  readonly objects: ObjectCatalogue;
  readonly engine: Engine;
  readonly images: Images;
  readonly dataDirectory: DataDirectory;
  readonly clock: Clock;
  readonly log: Log;
  /** Wakes a record's key in the reconcile loop. */
  readonly wake: (key: RecordKey) => void;
  /** Shorter in tests. */
  readonly invocationTimeoutMs?: number;
  /** Serverless environments are ended after so long without use. */
  readonly idleMs?: number;
  /** What publishes a message to an SNS topic. */
  readonly announce: AsyncWorld["announce"];
  /** Most requests in one instance at once. */
  readonly requestsPerInstance?: number;
  /** What gateway workers count in, where there are some. */
  readonly loads?: InstanceLoads;
}

/** The inference data plane, in one piece: what the endpoint controller and the runtime API work with. */
export interface Serving extends ServingOptions {
  readonly models: ModelCache;
  readonly routes: RoutingTable;
  readonly health: HealthChecks;
  readonly metrics: VariantCounters;
  readonly invoker: Invoker;
  /** What instances of several containers are reached through. */
  readonly fronts: Fronts;
  /** Requests that wait for an instance. */
  readonly held: HoldQueue;
  /** Requests that are answered later. */
  readonly asynchronous: AsyncQueues;
  /** Has an instance looked at now that refused or dropped a connection. */
  readonly suspected: (runId: string) => void;
  readonly serverless: Serverless;
  /** What asynchronous and serverless endpoints count. */
  readonly values: CountedValues;
  /** Tells which record a run belongs to, so that hints find their way; `undefined` when it is gone. */
  readonly own: (runId: string, key: RecordKey | undefined) => void;
  /** The record of a run that was told of, or `undefined`. */
  readonly ownerOf: (runId: string) => RecordKey | undefined;
  /**
   * Drops extracted models that nothing used for a day, and runs that no record names.
   * @param usedModels - Keys of models that others than endpoints use.
   */
  collect(usedModels?: ReadonlySet<string>): Promise<{ readonly models: number; readonly runs: number }>;
  /** Lets requests under way end. Instances go on running. */
  close(): Promise<void>;
}

/** Opens the data plane. Endpoints that served before a restart serve again when this resolves. */
export async function openServing(options: ServingOptions): Promise<Serving> {
  const { store, objects, engine, dataDirectory, log, wake, invocationTimeoutMs, requestsPerInstance } = options;
  const owners = new Map<string, RecordKey>();
  const hint = (runId: string): void => {
    const key = owners.get(runId);
    if (key !== undefined) wake(key);
  };
  const memory = dataDirectory.memory && join(dataDirectory.memory, "models");
  const models = new ModelCache({
    ...{ directory: dataDirectory.models, objects, log },
    ...(memory !== undefined && { memoryDirectory: memory }),
  });
  const metrics = new VariantCounters();
  const fronts = new Fronts({ dataDirectory, objects });
  const captures = new Captures({ objects, log });
  const routes = new RoutingTable({
    ...{ counters: metrics, captures, log },
    ...(options.loads && { loads: options.loads }),
    ...(requestsPerInstance !== undefined && { requestsPerInstance }),
  });
  const health = new HealthChecks((runId) => {
    const backend = routes.backend(runId);
    if (backend !== undefined) backend.suspect = health.read(runId).failingSince !== undefined;
    hint(runId);
  });
  const suspected = (runId: string): void => {
    health.check(runId);
    hint(runId);
  };
  const timeout = invocationTimeoutMs === undefined ? {} : { timeoutMs: invocationTimeoutMs };
  const held = new HoldQueue();
  const values = new CountedValues();
  const { idleMs } = options;
  const serverless = new Serverless({
    ...{ store, routes, held, counted: values, clock: options.clock, log, host: thisHost() },
    ...(idleMs !== undefined && { idleMs }),
  });
  retryOnChange(held, routes);
  const waker = firstOf(serverless, scalingWaker(store, wake));
  const invoker = new Invoker({ routes, suspected, held, serverless, waker, counted: values, ...timeout });
  const collect = async (usedModels: ReadonlySet<string> = new Set()) => {
    // Runs are listed before the records are read: a run starts only after the record that names it was written.
    const runs = await endpointRuns(engine, dataDirectory);
    const used = await usage(store);
    const orphans = runs.filter((id) => !used.runs.has(id));
    await removeRuns(engine, dataDirectory, orphans);
    const before = options.clock.now() - unusedModelMs;
    return {
      models: await models.collect((key) => used.models.has(key) || usedModels.has(key), before),
      runs: orphans.length,
    };
  };
  await models.open();
  await reopenFronts({ engine, fronts }, store);
  await routes.open(store);
  const asynchronous = new AsyncQueues({ ...options, routes, suspected, counters: values });
  await asynchronous.open();
  serverless.open();
  const unwatch = engine.watch(hint);
  return {
    ...options,
    models,
    routes,
    health,
    metrics,
    invoker,
    fronts,
    held,
    asynchronous,
    suspected,
    values,
    serverless,
    own: (runId, key) => void (key === undefined ? owners.delete(runId) : owners.set(runId, key)),
    ownerOf: (runId) => owners.get(runId),
    collect,
    async close() {
      unwatch();
      held.close();
      await asynchronous.close();
      await serverless.close();
      health.close();
      routes.close();
      await fronts.closeAll();
      await captures.close();
      await models.close();
    },
  };
}

/** Which extracted models and which runs the records name. */
async function usage(store: Store): Promise<{ models: ReadonlySet<string>; runs: ReadonlySet<string> }> {
  const models = new Set<string>();
  const runs = new Set<string>();
  for await (const { value } of servedRecords(store)) {
    for (const variant of value.fleets.flatMap(({ variants }) => variants)) {
      for (const { runId } of variant.instances) for (const id of runIdsOf(variant, runId)) runs.add(id);
      for (const key of containersOf(variant).flatMap(modelKeysOf)) models.add(key);
    }
  }
  return { models, runs };
}

/** Runs and leftover folders of endpoint instances, whether or not a record names them. */
async function endpointRuns(engine: Engine, directory: DataDirectory): Promise<string[]> {
  const folders = await readdir(directory.runs).catch(() => []);
  const ids = new Set([...(await engine.list()), ...folders]);
  return [...ids].filter((id) => id.startsWith("e-"));
}

/** Ends runs whose record is gone: a crash may fall between the two. */
async function removeRuns(engine: Engine, directory: DataDirectory, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await engine.remove(id);
    await rm(join(directory.runs, id), { recursive: true, force: true });
  }
}
