import type { RunUsage } from "../engine.ts";

/** What the engine API says of a container's use, as far as it is read here. Podman leaves out what it does not know. */
export interface ContainerStats {
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } };
  readonly memory_stats?: { readonly usage?: number; readonly stats?: Readonly<Record<string, number>> | null };
  readonly blkio_stats?: {
    readonly io_service_bytes_recursive?: readonly { readonly op: string; readonly value: number }[] | null;
  };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes?: number; readonly tx_bytes?: number }>> | null;
}

/** The use of a run; `undefined` for a container that has ended, of which the engine tells zeros. */
export function containerUsage(stats: ContainerStats): RunUsage | undefined {
  const nanoseconds = stats.cpu_stats?.cpu_usage?.total_usage ?? 0;
  const used = stats.memory_stats?.usage ?? 0;
  if (nanoseconds === 0 && used === 0) return undefined;
  const { inactive_file, total_inactive_file } = stats.memory_stats?.stats ?? {};
  const io = stats.blkio_stats?.io_service_bytes_recursive ?? [];
  const bytesOf = (op: string): number =>
    io.reduce((sum, each) => sum + (each.op.toLowerCase() === op ? each.value : 0), 0);
  const networks = Object.values(stats.networks ?? {});
  return {
    cpuSeconds: nanoseconds / 1e9,
    // What could be dropped at once does not count.
    memoryBytes: Math.max(0, used - (inactive_file ?? total_inactive_file ?? 0)),
    readBytes: bytesOf("read"),
    writtenBytes: bytesOf("write"),
    receivedBytes: networks.reduce((sum, { rx_bytes = 0 }) => sum + rx_bytes, 0),
    sentBytes: networks.reduce((sum, { tx_bytes = 0 }) => sum + tx_bytes, 0),
  };
}
