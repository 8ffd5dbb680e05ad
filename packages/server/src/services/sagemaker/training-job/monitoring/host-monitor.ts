import { appendFile } from "node:fs/promises";
import type { Engine } from "../../../../engines/engine.ts";
import { diskPercentOf, type HostLook, type HostSample, sampleOf } from "../../../../engines/host-sample.ts";
import { ServiceError } from "../../../../errors.ts";
import type { Gpus, GpuUse } from "../../../../gpus/gpus.ts";
import type { HostCapacity } from "../../../../instance-types/fit-to-host.ts";
import type { Log } from "../../../../log.ts";
import { distributionOf } from "../../../../metrics/distribution.ts";
import type { MetricPoints, MetricStore } from "../../../../metrics/metric-store.ts";
import type { ObjectCatalogue } from "../../../../objects/object-catalogue.ts";
import { trainingMetricNamespace } from "../job-metrics.ts";
import type { RunPlaces } from "../run-places.ts";
import { scopeOf, type TrainingJobRecord } from "../training-job.ts";
import { HostProfile, type ProfileSettings, profileSettings } from "./profile.ts";

/** How often a host is looked at that is not profiled, and what that grows by with each host: metrics are told by the minute. */
const [plainIntervalMs, eachHostMs] = [5_000, 50];
/** A minute has some looks, however many hosts there are. */
const longestPlainMs = 20_000;
/** A job that ends sooner is not worth a look. */
const firstLookMs = 1_000;
/** A disk's filling changes slowly, and asking costs. */
const diskIntervalMs = 15_000;
/** Two looks that are closer say nothing about rates. */
const shortestMs = 50;

/** What hosts are watched with. */
export interface MonitorWorld {
  readonly engine: Engine;
  readonly metrics: MetricStore;
  /** Where a job's profile goes. */
  readonly outputOf: (record: TrainingJobRecord) => ObjectCatalogue;
  readonly gpus?: Pick<Gpus, "use">;
  readonly log: Log;
  /** What is known of the volumes of hosts. */
  readonly volumes: { percentOf(runId: string): number | undefined };
}

/** Looks at the hosts of running jobs: host metrics each minute, and profiles where jobs ask for them. */
export class HostMonitor {
  readonly #world: MonitorWorld;
  readonly #watching: Watching;
  readonly #hosts = new Map<string, WatchedHost>();

  constructor(world: MonitorWorld) {
    this.#world = world;
    const plainMs = () => Math.min(longestPlainMs, Math.max(plainIntervalMs, this.#hosts.size * eachHostMs));
    this.#watching = { ...world, plainMs };
  }

  /** Begins to watch a host, or goes on with what its job says by now. */
  watch(record: TrainingJobRecord, places: RunPlaces, size: HostCapacity): void {
    if (!this.#world.engine.usage) return;
    const known = this.#hosts.get(places.runId);
    if (known) known.update(record);
    else this.#hosts.set(places.runId, new WatchedHost(this.#watching, record, places, size));
  }

  /** Writes what is known of a host that has ended, and lets go of it. */
  async end(runId: string): Promise<void> {
    const host = this.#hosts.get(runId);
    this.#hosts.delete(runId);
    await host?.end();
  }

  /** Lets go of all hosts; they go on. */
  close(): void {
    for (const host of this.#hosts.values()) host.stop();
    this.#hosts.clear();
  }
}

/** What one host is watched with: also how often, unless it is profiled. */
type Watching = MonitorWorld & { readonly plainMs: () => number };

/** One host, from its first look to its end. */
class WatchedHost {
  #record: TrainingJobRecord;
  #isLooking = false;
  readonly #world: Watching;
  readonly #places: RunPlaces;
  readonly #size: HostCapacity;
  readonly #profile: HostProfile;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #last: HostLook | undefined;
  #disk = { at: 0, percent: 0 };
  #minute: HostSample[] = [];
  #profiled: ProfileSettings | undefined;
  #isProfileRefused = false;
  #hasToldGpus = false;

  constructor(world: Watching, record: TrainingJobRecord, places: RunPlaces, size: HostCapacity) {
    this.#world = world;
    this.#record = record;
    this.#places = places;
    this.#size = size;
    this.#profile = new HostProfile(world.outputOf(record), places.host.name);
    this.#plan(Math.min(firstLookMs, this.#intervalOf(record)));
  }

  /** Takes what the job says by now; one that is to be looked at more often is looked at at once. */
  update(record: TrainingJobRecord): void {
    const isMoreOften = this.#intervalOf(record) < this.#intervalOf(this.#record);
    this.#record = record;
    if (!isMoreOften || this.#isLooking) return;
    clearTimeout(this.#timer);
    this.#plan(0);
  }

  #intervalOf({ value }: TrainingJobRecord): number {
    return profileSettings(value.spec)?.intervalMs ?? this.#world.plainMs();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async end(): Promise<void> {
    this.stop();
    await this.#quietly(async () => {
      await this.#writeMinute();
      if (this.#profiled) await this.#profile.flush(this.#profiled);
    });
  }

  #plan(afterMs: number): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#look(), afterMs).unref();
  }

  async #look(): Promise<void> {
    const began = Date.now();
    this.#isLooking = true;
    const settings = this.#isProfileRefused ? undefined : profileSettings(this.#record.value.spec);
    await this.#quietly(async () => {
      const usage = await this.#world.engine.usage?.(this.#places.runId);
      if (!usage || this.#isStopped) return;
      const look: HostLook = { at: Date.now(), usage, gpus: await this.#gpuUse() };
      const before = this.#last;
      if (before && look.at - before.at < shortestMs) return;
      this.#last = look;
      if (before) await this.#take(sampleOf(before, look, this.#size.memoryBytes, await this.#diskPercent()), settings);
    });
    this.#isLooking = false;
    this.#plan(Math.max(shortestMs, this.#intervalOf(this.#record) - (Date.now() - began)));
  }

  async #take(sample: HostSample, settings: ProfileSettings | undefined): Promise<void> {
    const before = this.#minute[0];
    if (before && Math.floor(before.at / 60_000) !== Math.floor(sample.at / 60_000)) await this.#writeMinute();
    this.#minute.push(sample);
    if (this.#profiled && !settings) await this.#profile.flush(this.#profiled);
    this.#profiled = settings;
    if (settings) await this.#profile.add(settings, sample, this.#size.cpus);
  }

  /** Of its volume; of the host's disk where it has none of a size. */
  async #gpuUse(): Promise<GpuUse[]> {
    const own = this.#record.value.gpus?.[this.#places.host.index] ?? [];
    if (own.length === 0) return [];
    try {
      const uses = await this.#world.gpus?.use();
      return own.flatMap((uuid) => uses?.get(uuid) ?? []);
    } catch (error) {
      // The rest of the host is worth knowing without them; a broken driver would say so at every look.
      if (!this.#hasToldGpus)
        this.#world.log.warn("a host's GPUs could not be watched", { run: this.#places.runId, error });
      this.#hasToldGpus = true;
      return [];
    }
  }

  async #diskPercent(): Promise<number> {
    const own = this.#world.volumes.percentOf(this.#places.runId);
    if (own !== undefined) return own;
    const now = Date.now();
    if (now - this.#disk.at > diskIntervalMs) {
      this.#disk = { at: now, percent: await diskPercentOf(this.#places.mlDirectory) };
    }
    return this.#disk.percent;
  }

  async #writeMinute(): Promise<void> {
    const samples = this.#minute;
    this.#minute = [];
    const [first] = samples;
    if (!first) return;
    const { TrainingJobName } = this.#record.value.spec;
    const point = (name: string, of: (sample: HostSample) => number): MetricPoints => ({
      ...{ scope: scopeOf(this.#record), namespace: trainingMetricNamespace, name, unit: "Percent", resolution: 60 },
      dimensions: [["Host", `${TrainingJobName}/${this.#places.host.name}`]],
      at: Math.floor(first.at / 1000),
      values: distributionOf(samples.map((sample) => [of(sample), 1])),
    });
    await this.#world.metrics.put([
      point("CPUUtilization", ({ cpuPercent }) => cpuPercent),
      point("MemoryUtilization", ({ memoryPercent }) => memoryPercent),
      point("DiskUtilization", ({ diskPercent }) => diskPercent),
      // Up to 100 for each GPU.
      ...(first.gpus.length === 0
        ? []
        : [
            point("GPUUtilization", ({ gpus }) => gpus.reduce((sum, { percent }) => sum + percent, 0)),
            point("GPUMemoryUtilization", ({ gpus }) =>
              gpus.reduce((sum, { memoryPercent }) => sum + memoryPercent, 0),
            ),
          ]),
    ]);
  }

  /** Watching is never a reason for a job to fail. */
  async #quietly(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (error instanceof ServiceError && error.status < 500) return this.#refuseProfile(error);
      this.#world.log.warn("a host could not be watched", { run: this.#places.runId, error });
    }
  }

  /** The bucket went away: the owner's to mend, and told once. */
  async #refuseProfile(error: ServiceError): Promise<void> {
    if (this.#isProfileRefused) return;
    this.#isProfileRefused = true;
    this.#profiled = undefined;
    const notice = `${Date.now()} [sagebrush] The profile of this host cannot be stored: ${error.message}\n`;
    await appendFile(this.#places.logFile, notice);
  }
}
