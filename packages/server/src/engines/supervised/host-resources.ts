import { availableParallelism, totalmem } from "node:os";
import type { RunSpec } from "../engine.ts";

/** What a run may use: what it asks for, or what the host has if that is less. */
export interface Allotment {
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Hard limits to set, where they are below what the host has. */
  readonly memoryLimit: number | undefined;
  readonly cpuLimit: number | undefined;
  /** 1 to 10,000. */
  readonly cpuWeight: number;
}

/** Memory and cores of this host, or of the container that the server runs in. */
function hostResources(): { memoryBytes: number; cpus: number } {
  const constrained = process.constrainedMemory();
  const total = totalmem();
  // Without a limit the call gives 0 or a number beyond any memory.
  return { memoryBytes: constrained > 0 && constrained < total ? constrained : total, cpus: availableParallelism() };
}

/** Fits a request into the host. */
export function allot(resources: RunSpec["resources"], host = hostResources()): Allotment {
  const { memoryBytes: memory, cpus, cpuWeight = 100 } = resources;
  const memoryLimit = memory !== undefined && memory < host.memoryBytes ? memory : undefined;
  const cpuLimit = cpus !== undefined && cpus < host.cpus ? cpus : undefined;
  return {
    memoryBytes: memoryLimit ?? host.memoryBytes,
    cpus: cpuLimit ?? host.cpus,
    memoryLimit,
    cpuLimit,
    cpuWeight: Math.min(10_000, Math.max(1, Math.round(cpuWeight))),
  };
}

/** The numbers that a program inside cannot find out for itself: the kernel shows it the whole host. */
export function allotmentEnvironment(allotment: Allotment): Record<string, string> {
  return { SAGEBRUSH_CPUS: String(allotment.cpus), SAGEBRUSH_MEMORY_BYTES: String(Math.floor(allotment.memoryBytes)) };
}

/** The plan's settings for the limits. A period of the CPU quota is 100 ms. */
export function limitSettings(allotment: Allotment, cgroup: string): [string, string][] {
  const settings: [string, string][] = [
    ["cgroup", cgroup],
    ["cpu-weight", String(allotment.cpuWeight)],
  ];
  if (allotment.memoryLimit !== undefined) settings.push(["memory", String(Math.floor(allotment.memoryLimit))]);
  if (allotment.cpuLimit !== undefined) settings.push(["cpu-quota", String(Math.round(allotment.cpuLimit * 100_000))]);
  return settings;
}
