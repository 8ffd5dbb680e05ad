import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TransformRun } from "../../../batch/run/transform-run.ts";
import { instanceType } from "../../../instance-types/instance-types.ts";
import type { ObjectCatalogue } from "../../../objects/object-catalogue.ts";
import { runIdsOf } from "../../../serving/fleet.ts";
import type { RecordKey } from "../../../store/store.ts";
import { removeServer, stopServer } from "../model-instance/start-instance.ts";
import { wantedInstances } from "./check-capacity.ts";
import { InstanceMonitor } from "./instance-monitor.ts";
import { outputPlace } from "./output-place.ts";
import { jobPlaces, removePlaces } from "./places.ts";
import type { TransformWorld } from "./reconcile.ts";
import { dataLogName, serversOf, type TransformJobRecord } from "./transform-job.ts";
import { transformRequest } from "./transform-request.ts";

/** SIGKILL follows SIGTERM after this long. */
const stopGraceMs = 30_000;
const lookMs = 20;

/** What is remembered of one job. */
interface Memory {
  run: TransformRun | undefined;
  /** Runs that have answered a ping. */
  readonly answered: Set<string>;
  /** Outputs that were stored when a server died last. */
  storedAtCrash: number;
  /** Failures of the platform in a row. */
  faults: number;
}

/** What this server remembers of the jobs that it drives. All of it may be lost with the server. */
export class JobsUnderWay {
  readonly monitor: InstanceMonitor;
  readonly #world: TransformWorld;
  readonly #memories = new Map<string, Memory>();
  #isClosing = false;

  constructor(world: TransformWorld) {
    this.#world = world;
    this.monitor = new InstanceMonitor(world);
  }

  /** What is remembered of a job; nothing yet for one that is seen for the first time. */
  of({ value: { runPrefix } }: TransformJobRecord): Memory {
    const known = this.#memories.get(runPrefix);
    if (known) return known;
    const memory: Memory = { run: undefined, answered: new Set(), storedAtCrash: 0, faults: 0 };
    this.#memories.set(runPrefix, memory);
    return memory;
  }

  /** Whether this server ends: nothing new is begun. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Takes room for all instances. @returns Why there is none yet; `undefined` when it was taken. */
  takeRoom(record: TransformJobRecord): string | undefined {
    return this.#world.room.take({ ...sizeOf(record), since: record.createdAt }, () => this.#world.wake(keyOf(record)));
  }

  /** Counts the instances of a job that is under way already, which a restarted server does not know of. */
  holdRoom(record: TransformJobRecord): void {
    this.#world.room.hold(sizeOf(record));
  }

  /** What takes the job's objects through its instances; begun where it is not under way. */
  runOf(record: TransformJobRecord): TransformRun {
    const memory = this.of(record);
    memory.run ??= this.#begin(record);
    return memory.run;
  }

  #begin(record: TransformJobRecord): TransformRun {
    const { objects, dataDirectory, log, wake } = this.#world;
    const { value: job } = record;
    const { inputList, journal, scratch } = jobPlaces(job, dataDirectory);
    return new TransformRun({
      ...{ inputList, journal, scratch, log },
      request: transformRequest(job),
      name: job.runPrefix,
      objects: outputObjects(objects, job.spec.TransformOutput?.KmsKeyId),
      output: outputPlace(job.spec),
      dataLogs: job.instances.map((_, index) => join(dataDirectory.logs, dataLogName(job, index))),
      ended: () => wake(keyOf(record)),
    });
  }

  /** Drops what is under way of a job. Nothing of it is stored. */
  async halt(record: TransformJobRecord): Promise<void> {
    const memory = this.of(record);
    const { run } = memory;
    memory.run = undefined;
    await run?.stop();
  }

  /** Ends the instances of a job that has ended, and removes all that it had but its logs. */
  async clear(record: TransformJobRecord): Promise<void> {
    const { room, dataDirectory } = this.#world;
    const { instances, runPrefix } = record.value;
    const servers = serversOf(record.value);
    await Promise.all(
      instances.map(async ({ runId }) => {
        await this.monitor.end(runId);
        await stopServer(this.#world, servers, runId, stopGraceMs);
        for (const id of runIdsOf(servers, runId)) await this.#ended(id);
        await removeServer(this.#world, servers, runId);
      }),
    );
    await removePlaces(runPrefix, dataDirectory);
    room.release(sizeOf(record).instances);
    this.#memories.delete(runPrefix);
  }

  /** Waits while a run has its grace, unless this server ends: what is left then, a collection removes. */
  async #ended(runId: string): Promise<void> {
    for (let waited = 0; waited < stopGraceMs && !this.#isClosing; waited += lookMs) {
      const { phase } = await this.#world.engine.observe(runId);
      if (phase !== "running" && phase !== "pending") return;
      await sleep(lookMs);
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.monitor.close();
    await Promise.all([...this.#memories.values()].map(async ({ run }) => run?.stop()));
  }
}

/** The places of a job's instances, by names that stay theirs whatever run serves there, and what their types have together. */
function sizeOf({ value: { spec, runPrefix, instances } }: TransformJobRecord) {
  const type = instanceType(wantedInstances(spec).instanceType);
  const count = instances.length;
  return {
    instances: instances.map((_, index) => `${runPrefix}/${index}`),
    size: { cpus: (type?.vcpus ?? 0) * count, memoryBytes: (type?.memoryBytes ?? 0) * count },
  };
}

/** Objects as a job reads and stores them: under its key, where it has one. */
function outputObjects(
  objects: ObjectCatalogue,
  keyId: string | undefined,
): Pick<ObjectCatalogue, "read" | "source" | "put" | "head"> {
  if (!keyId) return objects;
  return {
    read: (bucket, key) => objects.read(bucket, key),
    source: (bucket, key) => objects.source(bucket, key),
    head: (bucket, key) => objects.head(bucket, key),
    put: (bucket, key, body, attributes) =>
      objects.put(bucket, key, body, { ...attributes, encryption: { algorithm: "aws:kms", keyId } }),
  };
}

function keyOf({ account, region, kind, name }: RecordKey): RecordKey {
  return { account, region, kind, name };
}
