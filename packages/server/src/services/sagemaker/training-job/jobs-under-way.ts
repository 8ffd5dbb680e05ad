import type { HostCapacity } from "../../../instance-types/fit-to-host.ts";
import { JobFolders } from "./job-folders.ts";
import { JobMetrics } from "./job-metrics.ts";
import { HostMonitor } from "./monitoring/host-monitor.ts";
import type { TrainingJobWorld } from "./reconcile.ts";
import { removeRunFolder } from "./run-folder.ts";
import { type RunPlaces, runPlaces } from "./run-places.ts";
import { RunSlots, runLimit } from "./run-slots.ts";
import { settleAll } from "./settle-all.ts";
import { runIds, runPrefix, type TrainingJobRecord } from "./training-job.ts";

/** What steps are carried out with. */
export type EffectsWorld = TrainingJobWorld & { readonly host: HostCapacity };

/** What this server remembers of the jobs that it drives. All of it may be lost with the server. */
export class JobsUnderWay {
  readonly slots: RunSlots;
  readonly metrics: JobMetrics;
  readonly monitor: HostMonitor;
  readonly #world: EffectsWorld;
  readonly #syncs = new Map<string, JobFolders>();
  /** Runs that were told to stop. Telling one twice could cut its last words short, so only a new server repeats it. */
  readonly #asked = new Set<string>();

  constructor(world: EffectsWorld) {
    this.#world = world;
    this.metrics = new JobMetrics(world);
    this.monitor = new HostMonitor(world);
    this.slots = new RunSlots(world.runLimit ?? runLimit(world.host));
  }

  places(record: TrainingJobRecord): readonly RunPlaces[] {
    return runPlaces(record, this.#world.dataDirectory);
  }

  /** What keeps the folders of a job's current attempt in S3: checkpoints, and what TensorBoard and the debugger read. */
  syncOf(record: TrainingJobRecord): JobFolders {
    const key = runPrefix(record);
    const folders = this.places(record).map(({ mlDirectory }) => mlDirectory);
    const sync = this.#syncs.get(key) ?? new JobFolders(this.#world.objects, folders, record.value.spec);
    this.#syncs.set(key, sync);
    return sync;
  }

  /** Asks every run of the current attempt to end, once. Those that have ended, or never began, are left as they are. */
  async stop(record: TrainingJobRecord, graceMs: number): Promise<void> {
    await settleAll(
      runIds(record).map(async (id) => {
        if (this.#asked.has(id)) return;
        await this.#world.engine.stop(id, graceMs);
        this.#asked.add(id);
      }),
    );
  }

  /** Ends the runs of the current attempt if need be, and removes all that they had but their logs. */
  async clear(record: TrainingJobRecord): Promise<void> {
    const { engine, objects, dataDirectory } = this.#world;
    await settleAll(
      runIds(record).map(async (id) => {
        await this.monitor.end(id);
        await engine.remove(id);
        await objects.release(id);
        await removeRunFolder(dataDirectory, id);
        this.#asked.delete(id);
      }),
    );
    this.#syncs.delete(runPrefix(record));
  }

  /** Clears the current attempt and lets other jobs have its place. */
  async free(record: TrainingJobRecord): Promise<void> {
    await this.clear(record);
    this.slots.release(runIds(record));
  }
}
