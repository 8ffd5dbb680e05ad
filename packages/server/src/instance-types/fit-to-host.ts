import { availableParallelism, totalmem } from "node:os";
import { hostGpus } from "../gpus/nvidia.ts";
import { gpusOf, type InstanceType, instanceType } from "./instance-types.ts";

/** What the host can give to one run. */
export interface HostCapacity {
  readonly cpus: number;
  readonly memoryBytes: number;
  /** NVIDIA's; none when absent. */
  readonly gpus?: number;
}

/** What a run gets for the instance type it asked for, and what its owner should know about it. */
export interface Allotment extends HostCapacity {
  /** Share of contended cores relative to other runs, 1 to 10,000. */
  readonly cpuWeight: number;
  /** How many of the host's GPUs it may use. */
  readonly gpus: number;
  /** One sentence for each way in which the run gets less than it asked for. */
  readonly notices: readonly string[];
}

/** The host this server runs on. */
export function thisHost(): HostCapacity {
  return { cpus: availableParallelism(), memoryBytes: totalmem(), gpus: hostGpus().all.length };
}

/**
 * Sizes a run: `instances` machines of a type, or all of the host where that is less. Nothing is reserved: runs share
 * cores by weight, and memory is a limit.
 */
export function fitToHost(typeName: string, instances: number, host: HostCapacity): Allotment {
  const type = instanceType(typeName);
  if (!type) return { ...host, gpus: 0, cpuWeight: weight(host.cpus), notices: [] };
  const wanted = { cpus: type.vcpus * instances, memoryBytes: type.memoryBytes * instances };
  const cpus = Math.min(wanted.cpus || host.cpus, host.cpus);
  const gpus = Math.min(gpusOf(type) * instances, host.gpus ?? 0);
  return {
    cpus,
    memoryBytes: Math.min(wanted.memoryBytes || host.memoryBytes, host.memoryBytes),
    gpus,
    cpuWeight: weight(cpus),
    notices: [...sizeNotice(type, wanted, host), ...acceleratorNotice(type, instances, gpus)],
  };
}

/** 100 for each core, so that a run of eight cores gets eight times the share of a run of one. */
function weight(cpus: number): number {
  return Math.min(10_000, Math.max(1, Math.round(cpus * 100)));
}

function sizeNotice(type: InstanceType, wanted: HostCapacity, host: HostCapacity): string[] {
  if (wanted.cpus <= host.cpus && wanted.memoryBytes <= host.memoryBytes) return [];
  return [
    `${type.name} means ${wanted.cpus} vCPU and ${gibibytes(wanted.memoryBytes)} GiB here; this host has ${host.cpus} and ${gibibytes(host.memoryBytes)} GiB, which is what the run gets at most.`,
  ];
}

function acceleratorNotice(type: InstanceType, instances: number, gpus: number): string[] {
  if (!type.accelerators) return [];
  if (gpus === 0) return [`${type.name} has ${type.accelerators} ${type.accelerator}; this run uses the CPU only.`];
  const wanted = type.accelerators * instances;
  if (gpus === wanted) return [];
  return [`${type.name} means ${wanted} ${type.accelerator} here; this run gets all GPUs of this host, ${gpus}.`];
}

function gibibytes(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1).replace(/\.0$/, "");
}
