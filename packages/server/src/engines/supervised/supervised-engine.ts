import { existsSync, type FSWatcher, watch } from "node:fs";
import { mkdir, readdir, rename, rmdir, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Log } from "../../log.ts";
import { isAlive, type ProcessIdentity } from "../../process-identity.ts";
import { removeTree } from "../../remove-tree.ts";
import {
  type Capabilities,
  type Engine,
  EngineUnavailable,
  platformAddress,
  type RunId,
  type RunSpec,
  type RunState,
  type RunUsage,
} from "../engine.ts";
import type { Attachment, RunNetworks } from "../network/run-networks.ts";
import { runIdForm } from "../run-id.ts";
import { readDiskUsage, writeInputs } from "./disk-usage.ts";
import { type Allotment, allot, allotmentEnvironment, limitSettings } from "./host-resources.ts";
import type { Launcher } from "./launcher.ts";
import { encodePlan, type SetupStep } from "./plan.ts";
import {
  type EngineFolders,
  readIdentity,
  readState,
  readSupervisor,
  shortHash,
  socketFolder,
  socketPath,
} from "./run-folder.ts";
import { readUsage } from "./usage.ts";

/** What a composer is told about the run it prepares. */
interface Composition {
  readonly id: RunId;
  readonly spec: RunSpec;
  /** The run's private folder, already there. */
  readonly folder: string;
  /** Folder for what the run writes, already there: the same, or one that its caller gave. */
  readonly scratch: string;
  /** Host folder for the run's socket, when it serves. */
  readonly socketFolder: string;
  readonly allotment: Allotment;
  /** Its place on a network, when it has one. */
  readonly attachment?: Attachment;
  /** The run's environment with the engine's own additions, but for SAGEBRUSH_LISTEN. */
  readonly environment: Readonly<Record<string, string>>;
}

/** How one kind of engine turns a run into settings and steps for the supervisor. */
export type Compose = (
  run: Composition,
) => Promise<{ settings: (readonly [string, ...string[]])[]; steps: readonly SetupStep[] }>;

/** An engine's parts that differ between plain processes and sandboxes. */
export interface SupervisedEngineOptions {
  readonly name: string;
  readonly folders: EngineFolders;
  readonly launcher: Launcher;
  readonly capabilities: Capabilities;
  readonly compose: Compose;
  /** Where networks can be had. */
  readonly networks?: RunNetworks;
  /** Unix socket of the platform, for runs that may reach it. */
  readonly platformSocket?: string;
  readonly log: Log;
}

/** How often runs are looked at whose supervisor may have died without a word. Ends are noticed by a watch. */
const lostCheckMillis = 2000;
const removeMillis = 10_000;

/** Runs work under supervisors that outlive the server; the state of a run is read from its files. */
export class SupervisedEngine implements Engine {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly #options: SupervisedEngineOptions;
  readonly #starting = new Map<RunId, Promise<void>>();
  readonly #listeners = new Set<(id: RunId) => void>();
  /** Running as far as we saw, to notice those that vanish. */
  readonly #seen = new Map<RunId, ProcessIdentity>();
  /** States of runs that were seen running. */
  readonly #running = new Map<RunId, RunState>();
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SupervisedEngineOptions) {
    this.#options = options;
    this.name = options.name;
    this.capabilities = options.capabilities;
  }

  start(id: RunId, spec: RunSpec): Promise<void> {
    if (!runIdForm.test(id))
      return Promise.reject(new Error(`A run's id must match ${runIdForm}, got ${JSON.stringify(id)}`));
    const going = this.#starting.get(id);
    if (going !== undefined) return going;
    const start = this.#start(id, spec).finally(() => {
      this.#starting.delete(id);
      this.#tell(id);
    });
    this.#starting.set(id, start);
    return start;
  }

  async observe(id: RunId): Promise<RunState> {
    const { folders } = this.#options;
    const supervisor = this.#seen.get(id);
    const before = this.#running.get(id);
    // What a run said when it began stays true until it ends.
    if (before && supervisor && !existsSync(join(folders.exits, id)) && isAlive(supervisor)) return before;
    const state = readState(folders, id);
    if (state.phase === "absent" && this.#starting.has(id)) return { phase: "pending" };
    if (state.phase !== "running") {
      this.#running.delete(id);
      return state;
    }
    if (!supervisor) this.#remember(id);
    this.#running.set(id, state);
    return state;
  }

  async list(): Promise<RunId[]> {
    const { runs, exits } = this.#options.folders;
    const names = (await Promise.all([readdir(runs), readdir(exits)])).flat();
    return [...new Set(names.filter((name) => runIdForm.test(name)))].sort();
  }

  async stop(id: RunId, graceMs: number): Promise<void> {
    await this.#starting.get(id)?.catch(() => undefined); // a start that failed leaves nothing to stop
    await this.#askToEnd(id, graceMs);
  }

  async remove(id: RunId): Promise<void> {
    await this.#starting.get(id)?.catch(() => undefined);
    await this.#discard(id);
  }

  async usage(id: RunId): Promise<RunUsage | undefined> {
    const folder = join(this.#options.folders.runs, id);
    // Only sandboxes have an inner process; the child is what starts it, or the run itself.
    const first = readIdentity(join(folder, "inner")) ?? readIdentity(join(folder, "child"));
    return first && isAlive(first) ? readUsage(this.#controlGroup(id), first.pid) : undefined;
  }

  diskUsage(id: RunId): Promise<number | undefined> {
    return readDiskUsage(join(this.#options.folders.runs, id));
  }

  watch(listener: (id: RunId) => void): () => void {
    this.#listeners.add(listener);
    this.#watcher ??= watch(this.#options.folders.exits, { persistent: false }, (_event, name) => {
      if (name !== null && runIdForm.test(name)) this.#tell(name);
    });
    this.#timer ??= setInterval(() => this.#findLost(), lostCheckMillis).unref();
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#watcher?.close();
    clearInterval(this.#timer);
    this.#listeners.clear();
    this.#options.launcher.close();
    await this.#options.networks?.close();
  }

  async #start(id: RunId, spec: RunSpec): Promise<void> {
    const { folders, launcher, log } = this.#options;
    const before = readState(folders, id);
    if (before.phase !== "absent") return;
    const folder = join(folders.runs, id);
    await Promise.all([
      mkdir(folder, { recursive: true, mode: 0o700 }),
      mkdir(dirname(spec.logFile), { recursive: true }),
      mkdir(spec.mlDirectory, { recursive: true }),
    ]);
    await Promise.all([this.#write(id, spec, folder), writeInputs(folder, spec.channels, spec.scratch?.directory)]);
    const launched = await launcher.launch(join(folder, "plan"));
    if (launched.word === "failed") {
      log.warn("a run could not be started", { run: id, reason: launched.why });
      await this.#discard(id);
      throw new EngineUnavailable(`${id} could not be started: ${launched.why}`);
    }
    this.#remember(id);
  }

  /** Repeating this before a supervisor took over does no harm: the lock decides which plan runs. */
  async #write(id: RunId, spec: RunSpec, folder: string): Promise<void> {
    const { folders, compose } = this.#options;
    if (spec.root.kind === "image") throw new Error(`The ${this.name} engine cannot run ${spec.root.reference}`);
    const allotment = allot(spec.resources);
    const sockets = socketFolder(folders.sockets, id);
    if (spec.serves) {
      await mkdir(sockets, { recursive: true, mode: 0o700 });
      await writeWhole(join(folder, "address"), `unix:${socketPath(folders.sockets, id)}`);
    }
    const environment = { ...spec.environment, ...allotmentEnvironment(allotment) };
    const attachment = await this.#attach(id, spec);
    const scratch = spec.scratch?.directory ?? folder;
    await mkdir(scratch, { recursive: true, mode: 0o700 });
    const run = { id, spec, folder, scratch, socketFolder: sockets, allotment, environment };
    const own = await compose(attachment === undefined ? run : { ...run, attachment });
    const plan = encodePlan({
      settings: [
        ["run", folder],
        ["exit", join(folders.exits, id)],
        ["key", id],
        ["log", spec.logFile, String(spec.maxLogBytes)],
        ...limitSettings(allotment, this.#controlGroup(id)),
        ...(attachment === undefined ? [] : this.#networkSettings(id, spec, attachment)),
        ...own.settings,
      ],
      steps: own.steps,
    });
    await writeWhole(join(folder, "plan"), plan);
  }

  async #attach(id: RunId, { network, hostname }: RunSpec): Promise<Attachment | undefined> {
    return network.kind === "bridge" ? this.#options.networks?.attach(id, network, hostname) : undefined;
  }

  /** The supervisor enters the run's network and relays across its border, whether the server is there or not. */
  #networkSettings(id: RunId, { network, serves }: RunSpec, { namespace, owner }: Attachment): [string, ...string[]][] {
    const { folders, platformSocket } = this.#options;
    const settings: [string, ...string[]][] = [["netns", namespace]];
    if (owner !== undefined) settings.push(["userns", owner]);
    if (network.kind === "bridge" && network.internet && platformSocket !== undefined) {
      settings.push(["relay", `tcp:${platformAddress}:80`, `unix:${platformSocket}`]);
    }
    if (serves && "port" in serves) {
      settings.push(["relay", `unix:${socketPath(folders.sockets, id)}`, `tcp:127.0.0.1:${serves.port}`]);
    }
    return settings;
  }

  async #askToEnd(id: RunId, graceMs: number): Promise<void> {
    const supervisor = readSupervisor(this.#options.folders, id);
    if (supervisor === undefined || !isAlive(supervisor)) return;
    await writeWhole(join(this.#options.folders.runs, id, "stop"), String(Math.max(0, Math.round(graceMs))));
    signal(supervisor, "SIGTERM");
  }

  async #discard(id: RunId): Promise<void> {
    const { folders } = this.#options;
    await this.#askToEnd(id, 0);
    const supervisor = readSupervisor(folders, id);
    if (supervisor !== undefined) {
      if (!(await gone(supervisor, removeMillis))) signal(supervisor, "SIGKILL");
      if (!(await gone(supervisor, removeMillis))) throw new EngineUnavailable(`The supervisor of ${id} does not end`);
    }
    this.#seen.delete(id);
    this.#running.delete(id);
    await killLeftOver(join(folders.runs, id));
    await this.#options.networks?.detach(id);
    await removeControlGroups(this.#controlGroup(id));
    const sockets = socketFolder(folders.sockets, id);
    if (existsSync(sockets)) await removeTree(sockets);
    await removeTree(join(folders.runs, id));
    await unlink(join(folders.exits, id)).catch(unlessMissing);
  }

  /** Several servers may share a host, so the directory is part of the name. */
  #controlGroup(id: RunId): string {
    return `${shortHash(this.#options.folders.root, 8)}-${id}`;
  }

  #remember(id: RunId): void {
    const supervisor = readSupervisor(this.#options.folders, id);
    if (supervisor !== undefined) this.#seen.set(id, supervisor);
  }

  #findLost(): void {
    for (const [id, supervisor] of this.#seen) {
      if (isAlive(supervisor)) continue;
      this.#seen.delete(id);
      this.#tell(id);
    }
  }

  #tell(id: RunId): void {
    for (const listener of this.#listeners) listener(id);
  }
}

/** Sends a signal (to a process or its group) unless it has ended or its number belongs to another by now. */
function signal(identity: ProcessIdentity, name: NodeJS.Signals, target = identity.pid): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(target, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // it ended in between
  }
}

/** Waits for a process that is no child of ours: the system tells nobody about its end. */
async function gone(identity: ProcessIdentity, limitMillis: number): Promise<boolean> {
  const until = Date.now() + limitMillis;
  while (isAlive(identity)) {
    if (Date.now() > until) return false;
    await pause();
  }
  return true;
}

/** A few milliseconds, for what the system tells nobody about. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 4));
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

/** @returns The error's code, if it could not be removed. */
function removeFolder(path: string): Promise<string | undefined> {
  return rmdir(path).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
}

/**
 * Ends what a killed supervisor left behind. Sandboxes die with it, but not before the call that killed it returns;
 * plain processes go on.
 */
async function killLeftOver(folder: string): Promise<void> {
  const inner = readIdentity(join(folder, "inner"));
  const child = readIdentity(join(folder, "child"));
  if (inner !== undefined) signal(inner, "SIGKILL");
  if (child !== undefined && isAlive(child)) signal(child, "SIGKILL", -child.pid);
  for (const each of [inner, child]) {
    if (each !== undefined && !(await gone(each, removeMillis))) {
      throw new EngineUnavailable(`Process ${each.pid} of a removed run does not end`);
    }
  }
}

/** Left behind only by a supervisor that was killed. Hierarchies that the host lacks are no error. */
async function removeControlGroups(name: string): Promise<void> {
  const hierarchies = ["", "unified", "systemd", "memory", "cpu"];
  const folders = hierarchies.map((hierarchy) => join("/sys/fs/cgroup", hierarchy, "sagebrush", name));
  await Promise.all(
    folders
      .filter((folder) => existsSync(folder))
      .map(async (folder) => {
        await writeFile(join(folder, "cgroup.kill"), "1", { flag: "r+" }).catch(() => undefined);
        // Busy until the kernel has let go of the last process.
        for (let attempt = 0; (await removeFolder(folder)) === "EBUSY" && attempt < 100; attempt++) await pause();
      }),
  );
}

/** Readers see the old text or the new one. Nothing here must survive a power cut: neither do processes. */
async function writeWhole(path: string, text: string | Uint8Array): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}
