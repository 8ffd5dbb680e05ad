import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import type { Configuration } from "../configuration.ts";
import { addressOf, type GatewayOptions, type RunningGateway, startGateway } from "../gateway/gateway.ts";
import type { Serving } from "../serving/open-serving.ts";
import type { InstanceLoads } from "../serving/routing/instance-load.ts";
import { WorkerPool } from "./worker-pool.ts";

/** From this many cores on a host has cores to spare for gateway workers. */
const largeHostCores = 8;

/** How many gateway workers there are: as configured, else one on small hosts and one for each core on large ones. */
export function gatewayWorkers({ serving }: Pick<Configuration, "serving">): number {
  const cores = availableParallelism();
  // Elsewhere the system does not share connections between listeners of one port.
  if (process.platform !== "linux") return 1;
  return serving?.workers ?? (cores < largeHostCores ? 1 : cores);
}

/** What workers are started with besides the gateway's own options. */
export interface WorkerOptions {
  readonly workers: number;
  readonly serving: Serving;
  /** Made for that many workers, and known to `serving`. */
  readonly loads: InstanceLoads;
  /** Where the main process listens for them. */
  readonly socket: string;
}

/** A gateway, and its workers where it has some. */
interface GatewayWithWorkers extends RunningGateway {
  readonly workers?: WorkerPool;
}

/**
 * Listens on the configured port: with one worker this process does, with more the workers do, who pass on what is no
 * invocation.
 */
export async function openGateway(options: GatewayOptions, by: WorkerOptions): Promise<GatewayWithWorkers> {
  if (by.workers === 1) return await startGateway(options);
  const { configuration } = options.platform;
  const port = await freePort(configuration);
  // Of a server that was killed: the data directory has one at a time.
  await rm(by.socket, { force: true });
  const main = await startGateway({ ...options, listen: { path: by.socket } });
  try {
    const pool = await WorkerPool.start({ ...by, configuration, root: options.credentials.root, port });
    return {
      address: addressOf(configuration, pool.port),
      ...{ port: pool.port, workers: pool },
      async close(graceMs = 5_000) {
        await pool.close(graceMs);
        await main.close(graceMs);
      },
    };
  } catch (error) {
    await main.close(0);
    throw error;
  }
}

/**
 * Listeners that share a port do not notice another server's on it, so it is tried alone first.
 * @throws Node's error when the port is taken.
 */
function freePort({ host, port }: Configuration): Promise<number> {
  if (port === 0) return Promise.resolve(0);
  return new Promise((resolve, reject) => {
    const trial = createServer().once("error", reject);
    trial.listen({ host, port, exclusive: true }, () => trial.close(() => resolve(port)));
  });
}
