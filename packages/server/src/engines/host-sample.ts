import { statfs } from "node:fs/promises";
import type { GpuUse } from "../gpus/gpus.ts";
import type { RunUsage } from "./engine.ts";

/** What one host was doing between two looks at it. Rates are per second. */
export interface HostSample {
  /** Milliseconds since 1970: the later look. */
  readonly at: number;
  /** 100 for each core that was busy all the time. */
  readonly cpuPercent: number;
  readonly memoryPercent: number;
  readonly diskPercent: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** What the host's GPUs are doing, in their order; empty without GPUs. */
  readonly gpus: readonly GpuUse[];
}

/** A look at a host. */
export interface HostLook {
  readonly at: number;
  readonly usage: RunUsage;
  readonly gpus: readonly GpuUse[];
}

/** Compares two looks. Counters that went down (a process ended and took its own with it) count as no change. */
export function sampleOf(before: HostLook, now: HostLook, memoryBytes: number, diskPercent: number): HostSample {
  const seconds = (now.at - before.at) / 1000;
  const rate = (of: (usage: RunUsage) => number): number => Math.max(0, of(now.usage) - of(before.usage)) / seconds;
  return {
    at: now.at,
    cpuPercent: 100 * rate(({ cpuSeconds }) => cpuSeconds),
    memoryPercent: Math.min(100, (100 * now.usage.memoryBytes) / memoryBytes),
    diskPercent,
    readBytes: rate(({ readBytes }) => readBytes),
    writtenBytes: rate(({ writtenBytes }) => writtenBytes),
    receivedBytes: rate(({ receivedBytes }) => receivedBytes),
    sentBytes: rate(({ sentBytes }) => sentBytes),
    gpus: now.gpus,
  };
}

/** How full the file system is that holds a host's /opt/ml. */
export async function diskPercentOf(folder: string): Promise<number> {
  const { blocks, bavail, bfree } = await statfs(folder);
  // As df has it: of what is not reserved for root.
  const usable = blocks - bfree + bavail;
  return usable > 0 ? (100 * (blocks - bfree)) / usable : 0;
}
