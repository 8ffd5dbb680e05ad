import type { Clock } from "../clock.ts";
import type { HostCapacity } from "../instance-types/fit-to-host.ts";
import { Capacity, type CapacitySettings, instanceLimit } from "./capacity.ts";

/** The capacity of the machine that this server runs on: one for all kinds of work that wait for room. */
export function machineCapacity(settings: CapacitySettings | undefined, host: HostCapacity, clock: Clock): Capacity {
  return new Capacity({
    mode: settings?.mode ?? "shared",
    host,
    limit: settings?.maxInstances ?? instanceLimit(host),
    availableMemory: () => process.availableMemory(),
    now: () => clock.now(),
  });
}
