import type { Clock } from "../../clock.ts";
import type { Engine } from "../../engines/engine.ts";
import { diskPercentOf, type HostLook, type HostSample, sampleOf } from "../../engines/host-sample.ts";
import type { Gpus, GpuUse } from "../../gpus/gpus.ts";
import { fitToHost, thisHost } from "../../instance-types/fit-to-host.ts";
import type { Log } from "../../log.ts";
import type { MetricStore } from "../../metrics/metric-store.ts";
import { gpusOfInstance, gpusWanted } from "../instance-gpus.ts";
import type { RoutedVariant, RoutingTable } from "../routing/routing-table.ts";
import { pointsOf } from "./utilization-points.ts";

/** How often instances are looked at. */
const intervalMs = 10_000;
/** Two looks that are closer say nothing about rates. */
const shortestMs = 50;

/** What a monitor works with. */
export interface MonitorParts {
  readonly engine: Engine;
  readonly routes: RoutingTable;
  readonly metrics: MetricStore;
  readonly gpus: Pick<Gpus, "all" | "use">;
  /** Where instances write. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** What an instance was doing when it was looked at last. */
export interface InstanceSample extends HostSample {
  /** What it has of the host's cores. */
  readonly cpus: number;
}

/** Looks at the instances of endpoints and writes what they use of cores, memory, disk and GPUs, variant by variant. */
export class UtilizationMonitor {
  readonly #parts: MonitorParts;
  #looks = new Map<string, HostLook>();
  #samples = new Map<string, InstanceSample>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(parts: MonitorParts) {
    this.#parts = parts;
  }

  /** Looks now and then. Nothing is looked at where the engine cannot tell. */
  start(): void {
    if (this.#parts.engine.usage !== undefined) this.#timer = setInterval(() => void this.look(), intervalMs).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** What an instance was doing at the last look; `undefined` before its second. */
  sample(runId: string): InstanceSample | undefined {
    return this.#samples.get(runId);
  }

  /** Looks at every instance. Rates are known from the second look on. */
  look(): Promise<void> {
    this.#looking = this.#looking
      .then(() => this.#lookAtAll())
      .catch((error: unknown) => this.#parts.log.warn("instances of endpoints could not be watched", { error }));
    return this.#looking;
  }

  async #lookAtAll(): Promise<void> {
    const { routes, metrics, gpus, folder } = this.#parts;
    const [looks, samples] = [new Map<string, HostLook>(), new Map<string, InstanceSample>()];
    const variants = [...routes.variants()];
    if (variants.length > 0) {
      const uses = variants.some(({ variant }) => gpusWanted(variant) > 0)
        ? await gpus.use()
        : new Map<string, GpuUse>();
      const disk = await diskPercentOf(folder);
      for (const { variant } of variants) {
        for (const { runId } of variant.backends) {
          const look = await this.#lookAt(runId, gpusOfInstance(variant, runId, gpus), uses);
          if (look === undefined) continue;
          const before = this.#looks.get(runId);
          const isTooSoon = before !== undefined && look.at - before.at < shortestMs;
          looks.set(runId, isTooSoon ? before : look);
          if (before === undefined || isTooSoon) continue;
          const { cpus, memoryBytes } = fitToHost(variant.instanceType, 1, thisHost());
          samples.set(runId, { ...sampleOf(before, look, memoryBytes, disk), cpus });
        }
      }
    }
    // What is gone is forgotten with the maps of the last time.
    this.#looks = looks;
    this.#samples = samples;
    const points = variants.flatMap((routed: RoutedVariant) => pointsOf(routed, (runId) => samples.get(runId)));
    if (points.length > 0) await metrics.put(points);
  }

  /** A run that has just ended has no usage. */
  async #lookAt(
    runId: string,
    gpus: readonly string[],
    uses: ReadonlyMap<string, GpuUse>,
  ): Promise<HostLook | undefined> {
    const usage = await this.#parts.engine.usage?.(runId);
    if (usage === undefined) return undefined;
    return {
      ...{ at: this.#parts.clock.now(), usage },
      gpus: gpus.flatMap((uuid) => {
        const use = uses.get(uuid);
        return use === undefined ? [] : [use];
      }),
    };
  }
}
