import type { Engine } from "../../../engines/engine.ts";
import { type HostLook, type HostSample, sampleOf } from "../../../engines/host-sample.ts";
import { fitToHost, thisHost } from "../../../instance-types/fit-to-host.ts";
import type { Log } from "../../../log.ts";
import { distributionOf } from "../../../metrics/distribution.ts";
import type { MetricStore } from "../../../metrics/metric-store.ts";
import { scopeOf } from "../training-job/training-job.ts";
import { type TransformJobRecord, transformLogGroup } from "./transform-job.ts";

/** How often instances are looked at. */
const intervalMs = 5_000;

interface Watched {
  readonly record: TransformJobRecord;
  readonly instanceId: string;
  last: HostLook | undefined;
  minute: HostSample[];
}

/** Looks at the instances of running jobs and writes CPUUtilization and MemoryUtilization of each, minute by minute. */
export class InstanceMonitor {
  readonly #engine: Engine;
  readonly #metrics: MetricStore;
  readonly #log: Log;
  /** By run. */
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ engine, hostMetrics, log }: { engine: Engine; hostMetrics: MetricStore; log: Log }) {
    this.#engine = engine;
    this.#metrics = hostMetrics;
    this.#log = log;
  }

  /** Begins to watch a run. Nothing changes when it is watched already. */
  watch(runId: string, record: TransformJobRecord, instanceId: string): void {
    if (this.#watched.has(runId) || this.#engine.usage === undefined) return;
    this.#watched.set(runId, { record, instanceId, last: undefined, minute: [] });
    this.#timer ??= setInterval(() => void this.#lookAtAll(), intervalMs).unref();
    void this.#quietly(runId, () => this.#look(runId));
  }

  /** Writes what is known of a run, and lets go of it. */
  async end(runId: string): Promise<void> {
    const watched = this.#watched.get(runId);
    if (watched === undefined) return;
    await this.#quietly(runId, async () => {
      await this.#look(runId);
      await this.#writeMinute(watched);
    });
    this.#watched.delete(runId);
    if (this.#watched.size === 0) this.close();
  }

  /** Lets go of all runs; they go on. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#watched.clear();
  }

  async #lookAtAll(): Promise<void> {
    for (const runId of this.#watched.keys()) await this.#quietly(runId, () => this.#look(runId));
  }

  async #look(runId: string): Promise<void> {
    const usage = await this.#engine.usage?.(runId);
    const watched = this.#watched.get(runId);
    if (watched === undefined || usage === undefined) return;
    const look: HostLook = { at: Date.now(), usage, gpus: [] };
    const before = watched.last;
    // Looks that are closer say nothing about rates.
    if (before && look.at - before.at < 50) return;
    watched.last = look;
    if (before === undefined) return;
    const { memoryBytes } = fitToHost(watched.record.value.spec.TransformResources?.InstanceType ?? "", 1, thisHost());
    const sample = sampleOf(before, look, memoryBytes, 0);
    const [first] = watched.minute;
    if (first && Math.floor(first.at / 60_000) !== Math.floor(sample.at / 60_000)) await this.#writeMinute(watched);
    watched.minute.push(sample);
  }

  async #writeMinute(watched: Watched): Promise<void> {
    const samples = watched.minute;
    watched.minute = [];
    const [first] = samples;
    if (first === undefined) return;
    const { record, instanceId } = watched;
    const point = (name: string, of: (sample: HostSample) => number) => ({
      ...{
        scope: scopeOf(record),
        namespace: transformLogGroup,
        name,
        unit: "Percent" as const,
        resolution: 60 as const,
      },
      dimensions: [["Host", `${record.name}/${instanceId}`]] as const,
      at: Math.floor(first.at / 1000),
      values: distributionOf(samples.map((sample) => [of(sample), 1])),
    });
    await this.#metrics.put([
      point("CPUUtilization", ({ cpuPercent }) => cpuPercent),
      point("MemoryUtilization", ({ memoryPercent }) => memoryPercent),
    ]);
  }

  /** Watching is never a reason for a job to fail. */
  async #quietly(runId: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#log.warn("an instance could not be watched", { run: runId, error });
    }
  }
}
