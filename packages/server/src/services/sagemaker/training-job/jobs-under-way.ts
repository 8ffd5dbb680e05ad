import type { Capacity } from "../../../capacity/capacity.ts";
import { machineCapacity } from "../../../capacity/machine-capacity.ts";
import { GpuShares } from "../../../gpus/gpu-shares.ts";
import type { Gpus } from "../../../gpus/gpus.ts";
import type { HostCapacity } from "../../../instance-types/fit-to-host.ts";
import { gpusOf, instanceType } from "../../../instance-types/instance-types.ts";
import type { ObjectCatalogue } from "../../../objects/object-catalogue.ts";
import type { RecordKey } from "../../../store/store.ts";
import { outputObjects } from "./encryption.ts";
import { hostsOf } from "./hosts.ts";
import { JobFolders } from "./job-folders.ts";
import { JobMetrics } from "./job-metrics.ts";
import { HostMonitor } from "./monitoring/host-monitor.ts";
import type { TrainingJobWorld } from "./reconcile.ts";
import { removeRunFolder } from "./run-folder.ts";
import { type RunPlaces, runPlaces } from "./run-places.ts";
import { settleAll } from "./settle-all.ts";
import { isFinal, runIds, runPrefix, type TrainingJobRecord } from "./training-job.ts";
import { VolumeWatch } from "./volume-watch.ts";
import { hasPool, poolFolder } from "./warm-pool.ts";
import { removeCaches, returnCache } from "./warm-pool-cache.ts";

/** What steps are carried out with. */
export type EffectsWorld = TrainingJobWorld & { readonly host: HostCapacity; readonly gpus: Gpus };

/** What this server remembers of the jobs that it drives. All of it may be lost with the server. */
export class JobsUnderWay {
  readonly metrics: JobMetrics;
  readonly monitor: HostMonitor;
  readonly volumes: VolumeWatch;
  readonly #capacity: Capacity;
  readonly #gpus: GpuShares;
  readonly #world: EffectsWorld;
  readonly #syncs = new Map<string, JobFolders>();
  /** Runs that were told to stop. Telling one twice could cut its last words short, so only a new server repeats it. */
  readonly #asked = new Set<string>();

  constructor(world: EffectsWorld) {
    this.#world = world;
    this.metrics = new JobMetrics(world);
    this.volumes = new VolumeWatch({
      engine: world.engine,
      log: world.log,
      onFull: (record) => world.wake?.(keyOf(record)),
    });
    this.monitor = new HostMonitor({ ...world, volumes: this.volumes, outputOf: (record) => this.outputOf(record) });
    const { host, clock, capacity, room } = world;
    this.#gpus = new GpuShares(world.gpus.all.map(({ uuid }) => uuid));
    this.#capacity = room ?? machineCapacity(capacity, host, clock);
  }

  /** Takes room for all hosts. @returns Why there is none yet, for the job's owner; `undefined` when it was taken. */
  takeRoom(record: TrainingJobRecord): string | undefined {
    const wake = () => this.#world.wake?.(keyOf(record));
    return this.#capacity.take({ ...sizeOf(record), since: record.createdAt }, wake);
  }

  /** Counts the hosts of a job that is under way already, which a restarted server does not know of. */
  hold(record: TrainingJobRecord): void {
    this.#capacity.hold(sizeOf(record));
    for (const [index, id] of runIds(record).entries()) this.#gpus.hold(id, record.value.gpus?.[index] ?? []);
  }

  /** Chooses GPUs for all hosts. @returns Their names, by the hosts' index. */
  takeGpus(record: TrainingJobRecord, counts: readonly number[]): readonly (readonly string[])[] {
    return runIds(record).map((id, index) => this.#gpus.take(id, counts[index] ?? 0));
  }

  places(record: TrainingJobRecord): readonly RunPlaces[] {
    return runPlaces(record, this.#world.dataDirectory);
  }

  /** The objects as a job stores into them. */
  outputOf(record: TrainingJobRecord): ObjectCatalogue {
    return outputObjects(this.#world.objects, record.value.spec);
  }

  /** What keeps the folders of a job's current attempt in S3: checkpoints, and what TensorBoard and the debugger read. */
  syncOf(record: TrainingJobRecord): JobFolders {
    const key = runPrefix(record);
    const folders = this.places(record).map(({ mlDirectory }) => mlDirectory);
    const sync = this.#syncs.get(key) ?? new JobFolders(this.outputOf(record), folders, record.value.spec);
    this.#syncs.set(key, sync);
    return sync;
  }

  /** Asks every run of the current attempt to end, once. Those that have ended, or never began, are left as they are. */
  async stop(record: TrainingJobRecord, graceMs: number): Promise<void> {
    await settleAll(
      runIds(record).map(async (id) => {
        if (this.#asked.has(id) && graceMs > 0) return;
        await this.#world.engine.stop(id, graceMs);
        this.#asked.add(id);
      }),
    );
  }

  /** Ends the runs of the current attempt if need be, and removes all that they had but their logs. */
  async clear(record: TrainingJobRecord): Promise<void> {
    const { engine, objects, dataDirectory } = this.#world;
    await settleAll(
      this.places(record).map(async (places) => {
        const id = places.runId;
        this.volumes.end(id);
        await this.monitor.end(id);
        await engine.remove(id);
        await objects.release(id);
        // What follows may be another attempt. A job that has ended left its caches, or leaves none.
        if (!isFinal(record) && hasPool(record.value)) {
          await returnCache(poolFolder(record), places);
        }
        await removeRunFolder(dataDirectory, id);
        this.#asked.delete(id);
      }),
    );
    this.#syncs.delete(runPrefix(record));
  }

  /** Clears the current attempt and lets other jobs have its place. */
  async free(record: TrainingJobRecord): Promise<void> {
    await this.clear(record);
    this.#capacity.release(runIds(record));
    for (const id of runIds(record)) this.#gpus.release(id);
    const { value: job } = record;
    if (isFinal(record) && hasPool(job) && !job.leftPool) {
      await removeCaches(this.#world.dataDirectory, poolFolder(record));
    }
  }
}

/** The instances of a job's current attempt and what their types have. */
function sizeOf(record: TrainingJobRecord) {
  const types = hostsOf(record.value).flatMap(({ instanceType: name, instances }) => {
    const type = instanceType(name);
    return type
      ? [{ cpus: type.vcpus * instances, memoryBytes: type.memoryBytes * instances, gpus: gpusOf(type) * instances }]
      : [];
  });
  return {
    instances: runIds(record),
    size: {
      cpus: types.reduce((sum, { cpus }) => sum + cpus, 0),
      memoryBytes: types.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
      gpus: types.reduce((sum, { gpus }) => sum + gpus, 0),
    },
  };
}

function keyOf({ account, region, kind, name }: RecordKey): RecordKey {
  return { account, region, kind, name };
}
