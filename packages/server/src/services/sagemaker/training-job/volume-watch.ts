import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import type { Engine } from "../../../engines/engine.ts";
import { usedBytes } from "../../../engines/used-bytes.ts";
import type { Log } from "../../../log.ts";
import { volumeFullReason } from "./failure-reason.ts";
import type { RunPlaces } from "./run-places.ts";
import type { Step } from "./step.ts";
import type { TrainingJobRecord, TrainingJobSpec, Verdict } from "./training-job.ts";
import { failed } from "./verdicts.ts";

/** How often the room on the host's disk is asked for, which costs next to nothing. */
const glanceMs = 200;
/** How long a measurement counts at most where the host's disk does not show that it cannot hold any more. */
const longestMs = 5_000;
/** What that grows by with each volume: measuring many of them must not keep the server from its work. */
const eachMs = 50;
/** Measuring takes at most one part in so many of the time. */
const share = 10;

/** What volumes are watched with. */
export interface VolumeWorld {
  readonly engine: Pick<Engine, "diskUsage">;
  readonly log: Log;
  /** Has a job looked at again: a host has filled its volume. */
  readonly onFull: (record: TrainingJobRecord) => void;
}

/** Bytes that each host of a job may write; no limit for instances that bring disks of their own. */
function volumeBytes({ ResourceConfig: resources }: TrainingJobSpec): number | undefined {
  const size = resources?.VolumeSizeInGB;
  return size ? size * 2 ** 30 : undefined;
}

/**
 * Holds the hosts of running jobs to the size of their volumes. Their writable folders are measured: seldom while the
 * host's disk has not lost enough room since for a volume to be full, at once when it has (docs/decisions/0170).
 */
export class VolumeWatch {
  readonly #world: VolumeWorld;
  readonly #volumes = new Map<string, WatchedVolume>();
  #timer: NodeJS.Timeout | undefined;

  constructor(world: VolumeWorld) {
    this.#world = world;
  }

  /** Begins to watch a host's volume, unless it is watched. */
  watch(record: TrainingJobRecord, places: RunPlaces): void {
    const limit = volumeBytes(record.value.spec);
    if (limit === undefined || this.#volumes.has(places.runId)) return;
    this.#volumes.set(places.runId, new WatchedVolume(this.#world, record, places, limit));
    this.#timer ??= setInterval(() => this.#glance(), glanceMs).unref();
  }

  /** How full a host's volume was when it was last measured. */
  percentOf(runId: string): number | undefined {
    return this.#volumes.get(runId)?.percent;
  }

  /**
   * How a job ends one of whose hosts has filled its volume; `undefined` where none has.
   * @param step - What would be next: volumes of hosts that have ended are measured once more.
   */
  async fault(record: TrainingJobRecord, places: readonly RunPlaces[], step: Step): Promise<Verdict | undefined> {
    const limit = volumeBytes(record.value.spec);
    if (limit === undefined) return undefined;
    const isCompleted = step.kind === "write" && step.job.verdict?.status === "Completed";
    const hasEnded = isCompleted || (step.kind === "fail" && !step.outOfMemory);
    for (const each of places) {
      if (!this.isFull(each.runId) && !(hasEnded && (await writtenBytes(this.#world.engine, each)) > limit)) continue;
      const size = record.value.spec.ResourceConfig?.VolumeSizeInGB as number;
      return { ...failed(volumeFullReason(size, places.length > 1 ? each.host.name : undefined)), kill: true };
    }
    return undefined;
  }

  /** Whether a host was seen to have filled its volume. */
  isFull(runId: string): boolean {
    return this.#volumes.get(runId)?.isFull ?? false;
  }

  /** Lets go of a host. */
  end(runId: string): void {
    this.#volumes.get(runId)?.stop();
    this.#volumes.delete(runId);
    if (this.#volumes.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  close(): void {
    for (const id of [...this.#volumes.keys()]) this.end(id);
  }

  /** One look at each disk, whose room is all that a volume needs to know most of the time. */
  #glance(): void {
    const disks = Map.groupBy(this.#volumes.values(), ({ disk }) => disk);
    const countsMs = Math.max(longestMs, this.#volumes.size * eachMs);
    for (const [disk, volumes] of disks) {
      const free = this.#room(disk);
      if (free !== undefined) for (const volume of volumes) volume.look(free, countsMs);
    }
  }

  #room(folder: string): number | undefined {
    try {
      const { bsize, bavail } = statfsSync(folder); // of our own disk, in microseconds
      return bsize * bavail;
    } catch (error) {
      this.#world.log.warn("the room on a disk could not be told", { folder, error });
      return undefined;
    }
  }
}

/** What a host has written to this machine's disk, wherever it is. */
async function writtenBytes(engine: VolumeWorld["engine"], { runId, mlDirectory }: RunPlaces): Promise<number> {
  const [beside, own] = await Promise.all([engine.diskUsage?.(runId), usedBytes([mlDirectory])]);
  return own + (beside ?? 0);
}

/** The volume of one host, from its first look to its end. */
class WatchedVolume {
  isFull = false;
  readonly #world: VolumeWorld;
  readonly #record: TrainingJobRecord;
  readonly #places: RunPlaces;
  readonly #limit: number;
  #isStopped = false;
  #isMeasuring = false;
  #measured = { at: 0, tookMs: 0, used: 0, free: 0 };

  constructor(world: VolumeWorld, record: TrainingJobRecord, places: RunPlaces, limit: number) {
    this.#world = world;
    this.#record = record;
    this.#places = places;
    this.#limit = limit;
  }

  /** The folder whose disk it is on. */
  get disk(): string {
    return dirname(this.#places.root);
  }

  get percent(): number | undefined {
    const { at, used } = this.#measured;
    return at === 0 ? undefined : Math.min(100, (100 * Math.max(0, used)) / this.#limit);
  }

  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Measures where it may be full.
   * @param free - Bytes free on its disk.
   * @param countsMs - How long the last measurement counts.
   */
  look(free: number, countsMs: number): void {
    if (this.isFull || this.#isMeasuring || !this.#mayBeFull(free, countsMs)) return;
    this.#isMeasuring = true;
    this.#measure(free)
      // Its engine does not answer: the next look tells.
      .catch((error: unknown) =>
        this.#world.log.warn("a volume could not be measured", { run: this.#places.runId, error }),
      )
      .finally(() => {
        this.#isMeasuring = false;
      });
  }

  #mayBeFull(free: number, countsMs: number): boolean {
    const { at, tookMs, used, free: before } = this.#measured;
    const since = Date.now() - at;
    if (since < tookMs * share) return false;
    return since >= countsMs || used + (before - free) > this.#limit;
  }

  async #measure(free: number): Promise<void> {
    const at = Date.now();
    const used = await writtenBytes(this.#world.engine, this.#places);
    if (this.#isStopped) return;
    this.#measured = { at, tookMs: Date.now() - at, used, free };
    if (used <= this.#limit) return;
    this.isFull = true;
    this.#world.onFull(this.#record);
  }
}
