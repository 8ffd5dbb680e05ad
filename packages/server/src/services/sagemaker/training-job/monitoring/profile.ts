import { Readable } from "node:stream";
import type { HostSample } from "../../../../engines/host-sample.ts";
import type { ObjectCatalogue } from "../../../../objects/object-catalogue.ts";
import { parseS3Uri } from "../../../../objects/object-catalogue.ts";
import type { TrainingJobSpec } from "../training-job.ts";

/** Events that one object holds at most: ten a second for a minute, of eight each, and some room. */
const maxEvents = 6_000;

/** SageMaker's default for ProfilingIntervalInMilliseconds. */
const defaultIntervalMs = 500;
const intervals = [100, 200, 500, 1_000, 5_000, 60_000];

/** How a job's hosts are profiled; `undefined` where they are not. */
export interface ProfileSettings {
  readonly intervalMs: number;
  readonly bucket: string;
  /** With its slash. */
  readonly prefix: string;
}

/** Reads ProfilerConfig, as it was given or changed since. */
export function profileSettings({
  ProfilerConfig: config,
  TrainingJobName,
}: TrainingJobSpec): ProfileSettings | undefined {
  const at = config?.S3OutputPath === undefined ? undefined : parseS3Uri(config.S3OutputPath);
  if (!at || config?.DisableProfiler === true) return undefined;
  const base = at.key.replace(/\/+$/, "");
  return {
    intervalMs: config?.ProfilingIntervalInMilliseconds ?? defaultIntervalMs,
    bucket: at.bucket,
    prefix: `${base === "" ? "" : `${base}/`}${TrainingJobName}/profiler-output/`,
  };
}

/** Whether an interval is one of those that SageMaker has. */
export function isProfilingInterval(milliseconds: number): boolean {
  return intervals.includes(milliseconds);
}

/** The intervals, for messages. */
export const profilingIntervals = intervals.join(", ");

/**
 * The system metrics of one host, as SageMaker writes them: one object a minute,
 * `system/incremental/YYYYMMDDHH/EPOCH.algo-N.json`, an event a line. What of a minute is not written yet is lost with
 * the server.
 */
export class HostProfile {
  readonly #objects: ObjectCatalogue;
  readonly #node: string;
  #events: string[] = [];
  #minute = 0;

  constructor(objects: ObjectCatalogue, node: string) {
    this.#objects = objects;
    this.#node = node;
  }

  /** Adds a sample; the first of a new minute writes the minute before. */
  async add(settings: ProfileSettings, sample: HostSample, cpus: number): Promise<void> {
    const minute = Math.floor(sample.at / 60_000) * 60;
    if (minute !== this.#minute || this.#events.length >= maxEvents) await this.flush(settings);
    if (this.#events.length === 0) this.#minute = minute;
    this.#events.push(...this.#eventsOf(sample, cpus));
  }

  /** Writes what there is. */
  async flush({ bucket, prefix }: ProfileSettings): Promise<void> {
    if (this.#events.length === 0) return;
    const text = `${this.#events.join("\n")}\n`;
    this.#events = [];
    const hour = new Date(this.#minute * 1000).toISOString().replace(/[-T]/g, "").slice(0, 10);
    const key = `${prefix}system/incremental/${hour}/${this.#minute}.${this.#node}.json`;
    await this.#objects.put(bucket, key, Readable.from([Buffer.from(text)]));
  }

  /** All cores together are one: the kernel counts a run's time, not on which core it was. */
  #eventsOf(sample: HostSample, cpus: number): string[] {
    const event = (Type: string, Name: string, Dimension: string, Value: number): string =>
      JSON.stringify({ Type, Name, Dimension, Value, NodeId: this.#node, Timestamp: sample.at / 1000 });
    return [
      event("cpu", "cpu0", "CPUUtilization", Math.min(100, sample.cpuPercent / cpus)),
      event("memory", "memory", "MemoryUsedPercent", sample.memoryPercent),
      event("disk", "disk", "DiskUtilization", sample.diskPercent),
      event("disk", "read", "ReadThroughputInBytesPerSecond", sample.readBytes),
      event("disk", "write", "WriteThroughputInBytesPerSecond", sample.writtenBytes),
      event("network", "eth0-receive", "ReceiveBytesPerSecond", sample.receivedBytes),
      event("network", "eth0-transmit", "TransmitBytesPerSecond", sample.sentBytes),
      ...sample.gpus.flatMap(({ percent, memoryPercent }, index) => [
        event("gpu", `gpu${index}`, "GPUUtilization", percent),
        event("gpu", `gpu${index}`, "GPUMemoryUtilization", memoryPercent),
      ]),
    ];
  }
}
