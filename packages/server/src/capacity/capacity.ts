import type { HostCapacity } from "../instance-types/fit-to-host.ts";
import type { Quota } from "./quotas.ts";

/** How instance types are held against this machine. */
export type CapacityMode =
  /** Work shares the machine: instances wait only while too many run or memory is short. */
  | "shared"
  /** Every instance has its type's cores, memory and GPUs to itself, and waits until they are free. */
  | "strict";

/** What whoever runs the server decided about it. */
export interface CapacitySettings {
  readonly mode: CapacityMode;
  /** Most instances at once; from the machine's memory when absent. */
  readonly maxInstances?: number;
  /** What each account may have at once in a region. */
  readonly quotas: readonly Quota[];
}

/** Work shares the machine, and no account has a limit of its own. */
export const defaultCapacity: CapacitySettings = { mode: "shared", quotas: [] };

/** What some work needs before it may start: all of it at once, or nothing. */
export interface Demand {
  /** Names of its instances, each counted once however often it is asked for. */
  readonly instances: readonly string[];
  /** What their types have, together. */
  readonly size: HostCapacity;
  /** Milliseconds since 1970: when it was asked for. Earlier demands come first. */
  readonly since: number;
}

/** The least memory that an instance is expected to need. */
const memoryPerInstance = 512 * 2 ** 20;
/** With more instances than this at once, each gets too little of any machine to be worth its start. */
const mostInstances = 64;
/** A demand that was not repeated for so long is no longer wanted: what asked for it was stopped or deleted. */
const forgottenAfterMs = 60_000;

/** How many instances a machine runs at once, where nobody set a number. */
export function instanceLimit(host: HostCapacity): number {
  return Math.max(2, Math.min(mostInstances, Math.floor(host.memoryBytes / memoryPerInstance)));
}

interface Waiting {
  readonly demand: Demand;
  readonly wake: () => void;
  askedAt: number;
}

/** What a machine's capacity is kept by. */
export interface CapacityOptions {
  readonly mode: CapacityMode;
  readonly host: HostCapacity;
  /** Most instances at once. */
  readonly limit: number;
  /** Bytes that could be had without swapping. */
  readonly availableMemory: () => number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Who may start on this machine, first come, first served: a large demand is not passed by small ones for ever. Kept in
 * memory: after a restart of the server the first look at each piece of work holds what it has, or asks anew.
 */
export class Capacity {
  readonly #options: CapacityOptions;
  readonly #held = new Map<string, HostCapacity>();
  /** By the first instance's name. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(options: CapacityOptions) {
    this.#options = options;
  }

  /**
   * Takes room for all instances of a demand, or none.
   * @param wake - Called when it is worth asking again.
   * @returns Why there is no room, in words for its owner; `undefined` when it was taken.
   */
  take(demand: Demand, wake: () => void): string | undefined {
    const key = demand.instances[0] ?? "";
    if (demand.instances.every((name) => this.#held.has(name))) return undefined;
    const shortage = this.#isFirst(demand, key) ? this.#shortage(demand) : "Waiting for its turn behind earlier jobs";
    if (shortage !== undefined) {
      this.#waiting.set(key, { demand, wake, askedAt: this.#options.now() });
      return shortage;
    }
    this.#waiting.delete(key);
    this.hold(demand);
    this.#wakeFirst();
    return undefined;
  }

  /** Counts instances that are under way already, whether there is room or not. */
  hold({ instances, size }: Pick<Demand, "instances" | "size">): void {
    const part = (of = 0): number => of / instances.length;
    const each = { cpus: part(size.cpus), memoryBytes: part(size.memoryBytes), gpus: part(size.gpus) };
    for (const name of instances) this.#held.set(name, each);
  }

  /** Lets others have the room of instances that have ended, or are no longer wanted. */
  release(instances: readonly string[]): void {
    for (const name of instances) this.#held.delete(name);
    this.#waiting.delete(instances[0] ?? "");
    this.#wakeFirst();
  }

  #isFirst({ since }: Demand, key: string): boolean {
    const oldest = this.#options.now() - forgottenAfterMs;
    for (const [other, { demand, askedAt }] of this.#waiting) {
      if (askedAt < oldest) this.#waiting.delete(other);
      else if (other !== key && (demand.since < since || (demand.since === since && other < key))) return false;
    }
    return true;
  }

  #shortage({ instances, size }: Demand): string | undefined {
    const { mode, host, limit, availableMemory } = this.#options;
    // What is larger than the machine has it when nothing else runs: a demand must not wait for what never comes.
    if (this.#held.size === 0) return undefined;
    if (this.#held.size + instances.length > limit) {
      return `Waiting for room: ${this.#held.size} instances run on this machine, of at most ${limit} at once`;
    }
    if (mode === "shared") {
      return availableMemory() < instances.length * memoryPerInstance
        ? "Waiting for memory: too little is free on this machine for another instance"
        : undefined;
    }
    const used = [...this.#held.values()];
    const cpus = used.reduce((sum, each) => sum + each.cpus, size.cpus);
    const memory = used.reduce((sum, each) => sum + each.memoryBytes, size.memoryBytes);
    const gpus = used.reduce((sum, each) => sum + (each.gpus ?? 0), size.gpus ?? 0);
    // Parts of a job's hosts may not add up to the last bit.
    if (host.gpus && gpus > host.gpus + 1e-6) return "Waiting for GPUs: other instances have them (capacity strict)";
    if (memory > host.memoryBytes) return "Waiting for memory: other instances have it (capacity strict)";
    return cpus > host.cpus ? "Waiting for cores: other instances have them (capacity strict)" : undefined;
  }

  #wakeFirst(): void {
    let first: Waiting | undefined;
    for (const each of this.#waiting.values()) {
      if (!first || each.demand.since < first.demand.since) first = each;
    }
    first?.wake();
  }
}
