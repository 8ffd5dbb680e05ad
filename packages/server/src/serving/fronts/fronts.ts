import { createHash } from "node:crypto";
import { lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DataDirectory } from "../../data-directory.ts";
import { fitToHost, thisHost } from "../../instance-types/fit-to-host.ts";
import type { ObjectCatalogue } from "../../objects/object-catalogue.ts";
import type { MultiModel } from "../fleet.ts";
import { ModelFolder } from "../multi-model/model-folder.ts";
import { ModelMeters } from "../multi-model/model-metrics.ts";
import { MultiModelStage } from "../multi-model/multi-model-stage.ts";
import { ContainerCounters } from "./container-metrics.ts";
import { Front } from "./front.ts";
import { PlainStage, type Stage } from "./stage.ts";

/** One container of an instance: its name and where it answers. */
export interface FrontMember {
  readonly name: string;
  readonly runId: string;
  readonly address: string;
  /** Set where it holds many models. */
  readonly models?: MultiModel & {
    readonly instanceType: string;
    /** Whether its folder is in memory. */
    readonly isInMemory: boolean;
  };
}

/** Whose requests an endpoint's front counts. */
export interface FrontOwner {
  readonly account: string;
  readonly region: string;
  readonly endpoint: string;
  readonly variant: string;
}

/** What an instance's front stands before. */
export interface FrontPlan {
  readonly execution: "serial" | "direct";
  readonly members: readonly FrontMember[];
  /** The variant that it belongs to; absent where it is an instance of a batch transform. */
  readonly owner?: FrontOwner;
}

/** What fronts work with. */
interface FrontsOptions {
  /** Whose engine's folder holds the sockets, where its path is short enough for them. */
  readonly dataDirectory: DataDirectory;
  readonly objects: Pick<ObjectCatalogue, "head" | "read">;
}

interface Open {
  /** What it was opened for, to notice that a container answers elsewhere now. */
  readonly made: string;
  readonly front: Promise<Front>;
}

/** Longest path of a Unix socket is 108 bytes, 104 on macOS. */
const maxSocketPath = 100;

/**
 * The fronts of this server's instances that consist of several containers or hold several models. They live in this
 * process: a new server opens them anew, at the same addresses.
 */
export class Fronts {
  readonly counters = new ContainerCounters();
  readonly meters = new ModelMeters();
  readonly #options: FrontsOptions;
  readonly #folder: string;
  readonly #open = new Map<string, Open>();
  #made: Promise<void> | undefined;

  constructor(options: FrontsOptions) {
    this.#options = options;
    const { engine: directory } = options.dataDirectory;
    const folder = join(directory, "f");
    const isShort = Buffer.byteLength(join(folder, "0123456789abcdef")) <= maxSocketPath;
    this.#folder = isShort ? folder : join(tmpdir(), `sagebrush-f-${shortHash(directory)}`);
  }

  /** Opens an instance's front, unless it is open. @returns Its address. */
  async open(runId: string, plan: FrontPlan): Promise<string> {
    const made = JSON.stringify(plan);
    const known = this.#open.get(runId);
    if (known?.made === made) return (await known.front).address;
    const front = this.#replace(known, runId, plan);
    this.#open.set(runId, { made, front });
    try {
      return (await front).address;
    } catch (error) {
      if (this.#open.get(runId)?.front === front) this.#open.delete(runId);
      throw error;
    }
  }

  /** Closes an instance's front, if it has one. */
  async close(runId: string): Promise<void> {
    const known = this.#open.get(runId);
    if (known === undefined) return;
    this.#open.delete(runId);
    await closeQuietly(known);
  }

  /** Drops what was counted of an endpoint, once it is deleted. */
  forget(scope: Pick<FrontOwner, "account" | "region">, endpoint: string): void {
    this.counters.forget(scope, endpoint);
    this.meters.forget(scope, endpoint);
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((runId) => this.close(runId)));
  }

  async #replace(before: Open | undefined, runId: string, { execution, members, owner }: FrontPlan): Promise<Front> {
    if (before !== undefined) await closeQuietly(before);
    this.#made ??= makeOwnFolder(this.#folder);
    await this.#made;
    const stages = members.map((member) => this.#stage(member, members.length > 1, owner));
    const path = join(this.#folder, shortHash(runId));
    const front = new Front({ path, stages, execution, use: owner === undefined ? "batch" : "endpoint" });
    await front.listen();
    return front;
  }

  #stage({ name, runId, address, models }: FrontMember, isAmongOthers: boolean, owner?: FrontOwner): Stage {
    const counter = owner && isAmongOthers ? this.counters.of(owner, name) : undefined;
    if (models === undefined || owner === undefined) return new PlainStage(name, runId, address, counter);
    const { dataDirectory, objects } = this.#options;
    const { bucket, prefix, keepsModels, isInMemory, instanceType } = models;
    const { memoryBytes } = fitToHost(instanceType, 1, thisHost());
    const directory = modelsFolder(dataDirectory, runId, isInMemory);
    return new MultiModelStage({
      ...{ name, runId, address, keepsModels, meter: this.meters.of(owner) },
      folder: new ModelFolder({ directory, source: { bucket, prefix }, objects, isInMemory }),
      budgetBytes: models.budgetBytes ?? memoryBytes * memoryShare,
      ...(counter && { counter }),
    });
  }
}

/** Where an instance's run has the models that it is to load; seen as `/opt/ml/models` inside. */
export function modelsFolder({ runs, memory }: DataDirectory, runId: string, isInMemory: boolean): string {
  return join(isInMemory && memory !== undefined ? join(memory, "runs") : runs, runId, "models");
}

/** Of an instance's memory, this share may hold models by the size of their files; loaded, they tend to be larger. */
const memoryShare = 0.4;

/** One that could not be opened has told so already. */
async function closeQuietly({ front }: Open): Promise<void> {
  await front.then((open) => open.close()).catch(() => undefined);
}

/** The folder may lie in the system's temporary folder, where anyone can make one of the same name. */
async function makeOwnFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const about = await lstat(folder);
  const isOurs = about.isDirectory() && about.uid === (process.geteuid?.() ?? about.uid) && (about.mode & 0o077) === 0;
  if (!isOurs) throw new Error(`${folder} must be a folder of the server's own user with mode 0700; remove it`);
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
