import type { RunGpus } from "../engines/engine.ts";

/** One GPU of this machine. */
export interface Gpu {
  /** `GPU-…`: its name for CUDA and for container engines, whichever of them a program sees. */
  readonly uuid: string;
  /** `NVIDIA H100 80GB HBM3` */
  readonly model: string;
  /** Its device file on this machine. */
  readonly device: string;
}

/** What a GPU is doing. */
export interface GpuUse {
  /** Share of the time in which it computed something, 0 to 100. */
  readonly percent: number;
  /** 0 to 100. */
  readonly memoryPercent: number;
}

/** The GPUs of a machine. */
export interface Gpus {
  /** In the order of their place on the bus, as CUDA and nvidia-smi count them; empty where there are none. */
  readonly all: readonly Gpu[];
  /** What runs need to use some of them. */
  forRun(uuids: readonly string[]): RunGpus;
  /** What each is doing, by its name; none where that cannot be found out. */
  use(): Promise<ReadonlyMap<string, GpuUse>>;
}
