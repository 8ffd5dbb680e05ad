import { appendFile, mkdir, open, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Log } from "../../log.ts";
import { removeTree } from "../../remove-tree.ts";
import {
  type BridgeNetwork,
  type Capabilities,
  type Engine,
  EngineUnavailable,
  type RunId,
  RunRefused,
  type RunSpec,
  type RunState,
  type RunUsage,
} from "../engine.ts";
import type { RunNetworks as OwnNetworks } from "../network/run-networks.ts";
import { runIdForm } from "../run-id.ts";
import { sharedDirectory } from "../shared-directory.ts";
import { allot } from "../supervised/host-resources.ts";
import { type EngineFolders, socketFolder, socketPath } from "../supervised/run-folder.ts";
import { readNetwork } from "../supervised/usage.ts";
import type { ChannelFolders } from "./channel-folders.ts";
import type { ContainerEvents } from "./container-events.ts";
import { type ContainerSettings, containerRequest } from "./container-request.ts";
import { containerState, type InspectedContainer } from "./container-state.ts";
import { containerUsage } from "./container-usage.ts";
import type { Containers } from "./containers.ts";
import { type EngineApi, EngineApiError } from "./engine-api.ts";
import type { EngineTraits, Traits } from "./engine-traits.ts";
import { ImageFolders, ownNames } from "./image-folders.ts";
import { wasKilledForMemory } from "./kernel-log.ts";
import { line } from "./line-assembler.ts";
import { beginPosition, LogFollower } from "./log-follower.ts";
import { giveUp, readPosition } from "./log-position.ts";
import { Monitors } from "./monitors.ts";
import type { NetworkPlace, RunNetworks } from "./networks.ts";
import { openToEveryone } from "./open-to-everyone.ts";
import type { PlatformRelay } from "./platform-relay.ts";
import type { RunEnd, RunFiles, RunNotes } from "./run-files.ts";
import { initFailure, startFailure } from "./start-failure.ts";
import { StopTimers } from "./stop-timers.ts";

/** The parts of an engine that `open.ts` has made. */
export interface DockerEngineParts {
  readonly api: EngineApi;
  readonly containers: Containers;
  readonly networks: RunNetworks;
  /** Networks that are not the container engine's, where containers may enter them. */
  readonly ownNetworks: OwnNetworks | undefined;
  readonly channels: ChannelFolders;
  /** The way to the platform, where one can be had. */
  readonly relay: PlatformRelay | undefined;
  readonly events: ContainerEvents;
  readonly files: RunFiles;
  readonly folders: EngineFolders;
  readonly traits: EngineTraits;
  readonly settings: ContainerSettings;
  /** Milliseconds since 1970 when the host was started. */
  readonly bootAt: number;
  readonly log: Log;
}

/** How long a removal waits for the last lines of the log. */
const lastLinesMillis = 5_000;

/**
 * Runs images under Docker or Podman. A run's container carries its state and its log, so runs go on without the server;
 * what the container engine may forget is noted in `RunFiles`.
 */
export class DockerEngine implements Engine {
  readonly name = "docker";
  readonly #parts: DockerEngineParts;
  readonly #starting = new Map<RunId, Promise<void>>();
  readonly #followers = new Map<RunId, LogFollower>();
  readonly #listeners = new Set<(id: RunId) => void>();
  /** Runs of ours without notes, which an older data directory or a crash left. */
  readonly #orphans = new Set<RunId>();
  readonly #monitors = new Monitors();
  readonly #imageFolders: ImageFolders;
  readonly #stops: StopTimers;
  /** The container engine could not enter a namespace of ours: it may see other files than this server. */
  #isKeptOut = false;

  constructor(parts: DockerEngineParts) {
    this.#parts = parts;
    this.#imageFolders = new ImageFolders(parts.containers);
    this.#stops = new StopTimers(parts.containers, parts.log);
    parts.events.onChange = (id) => this.#tell(id);
  }

  get capabilities(): Capabilities {
    const { traits, channels, relay, ownNetworks } = this.#parts;
    return traits.capabilities(channels.form, relay !== undefined, ownNetworks !== undefined && !this.#isKeptOut);
  }

  /** `Podman 4.3.1`; undefined while the container engine does not answer. */
  get title(): string | undefined {
    return this.#parts.traits.known?.title;
  }

  /** For the source of its images. */
  get api(): EngineApi {
    return this.#parts.api;
  }

  /** What the container engine is. @throws EngineUnavailable while it does not answer. */
  traits(): Promise<Traits> {
    return this.#parts.traits.get();
  }

  /** Goes on with what an earlier server left: logs are copied further, promised kills take place. */
  async resume(): Promise<void> {
    const { files, networks, traits, log } = this.#parts;
    for (const id of await files.list()) {
      if (await files.end(id)) continue;
      const stopAt = await files.stopAt(id);
      if (stopAt !== undefined) this.#stops.killAt(id, stopAt);
      const notes = await files.notes(id);
      if (notes && (await files.wasStarted(id))) this.#follow(id, notes);
    }
    try {
      await traits.get();
      await networks.collect();
    } catch (error) {
      if (!(error instanceof EngineUnavailable)) throw error;
      log.warn("The container engine does not answer", { error: error.message });
    }
  }

  start(id: RunId, spec: RunSpec): Promise<void> {
    if (!runIdForm.test(id)) {
      return Promise.reject(new Error(`A run's id must match ${runIdForm}, got ${JSON.stringify(id)}`));
    }
    const going = this.#starting.get(id);
    if (going !== undefined) return going;
    const start = this.#start(id, spec).finally(() => {
      this.#starting.delete(id);
      this.#tell(id);
    });
    this.#starting.set(id, start);
    return start;
  }

  async usage(id: RunId): Promise<RunUsage | undefined> {
    const { files, containers } = this.#parts;
    // As with a look at its state: the engine need not be asked for other engines' runs.
    if (!(await files.notes(id)) || (await files.end(id))) return undefined;
    const stats = await containers.stats(id);
    const usage = stats && containerUsage(stats);
    if (!usage || stats.networks) return usage;
    // The engine does not count what passes a namespace that is not its own.
    const pid = (await containers.inspect(id))?.State.Pid ?? 0;
    return pid === 0 ? usage : { ...usage, ...readNetwork(pid) };
  }

  async diskUsage(id: RunId): Promise<number | undefined> {
    const { files, containers, channels } = this.#parts;
    if (!(await files.notes(id))) return undefined;
    const [own, changed] = await Promise.all([
      containers.writtenBytes(id),
      channels.changedBytes(await this.#channelsOf(id)),
    ]);
    return own + changed;
  }

  async observe(id: RunId): Promise<RunState> {
    const { files, containers, traits } = this.#parts;
    const end = await files.end(id);
    if (end) return end;
    const notYet: RunState = { phase: this.#starting.has(id) ? "pending" : "absent" };
    // Notes are there before a container is, so the engine need not be asked for other engines' runs.
    const notes = await files.notes(id);
    if (!notes) return notYet;
    const container = await containers.inspect(id);
    if (!container) return (await files.wasStarted(id)) ? this.#ended(id, removedByOthers) : notYet;
    const state = this.#stateOf(container);
    // One that was created and not started is as good as none: a start makes it run.
    if (state.phase === "created") return notYet;
    if (state.phase === "running") {
      const { isPodman } = await traits.get();
      if (isPodman && !(await this.#monitors.hasMonitor(container))) return this.#ended(id, monitorDied);
      this.#follow(id, notes);
      return { ...state, address: addressOf(container, notes) };
    }
    if (await this.#hasWholeLog(id)) return this.#ended(id, await explained(notes, state, container.Id));
    // Its end is told when its last words are in the log file.
    this.#follow(id, notes);
    return { phase: "running", startedAt: Date.parse(container.State.StartedAt), address: "" };
  }

  async list(): Promise<RunId[]> {
    const { files, containers } = this.#parts;
    const [noted, found] = await Promise.all([files.list(), containers.list()]);
    for (const id of found) if (!noted.includes(id)) this.#orphans.add(id);
    return [...new Set([...noted, ...found].filter((id) => runIdForm.test(id)))].sort();
  }

  async stop(id: RunId, graceMs: number): Promise<void> {
    await this.#starting.get(id)?.catch(() => undefined); // a start that failed leaves nothing to stop
    const { files, containers } = this.#parts;
    if (!(await files.notes(id))) return;
    const container = await containers.inspect(id);
    if (!container || this.#stateOf(container).phase !== "running") return;
    const at = Date.now() + Math.max(0, graceMs);
    await files.markStop(id, Math.min(at, (await files.stopAt(id)) ?? at));
    await containers.kill(id, "SIGTERM");
    this.#stops.killAt(id, at, Date.parse(container.State.StartedAt));
  }

  async remove(id: RunId): Promise<void> {
    await this.#starting.get(id)?.catch(() => undefined); // what it left is removed here
    if (this.#orphans.delete(id) || (await this.#parts.files.exist(id))) await this.#discard(id);
  }

  watch(listener: (id: RunId) => void): () => void {
    this.#listeners.add(listener);
    this.#parts.events.begin();
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#stops.close();
    this.#parts.events.close();
    await Promise.all([...this.#followers.values()].map((follower) => follower.close()));
    await this.#parts.ownNetworks?.close();
    this.#parts.api.close();
  }

  async #start(id: RunId, spec: RunSpec): Promise<void> {
    const { files, containers } = this.#parts;
    if (await files.end(id)) return;
    // Notes are there before a container is.
    const before = (await files.notes(id)) && (await containers.inspect(id));
    if (before && this.#stateOf(before).phase !== "created") return;
    if (!before && (await files.wasStarted(id))) return; // lost, not absent
    const notes = await this.#prepare(id, spec);
    try {
      if (!before) await this.#create(id, spec);
      await containers.start(id);
    } catch (error) {
      if (!(error instanceof EngineApiError)) throw error;
      const failure = startFailure(error.message);
      if (failure === undefined) {
        if (notes.network === undefined && /netns|network namespace/i.test(error.message)) this.#isKeptOut = true;
        await this.#discard(id);
        throw new EngineUnavailable(`${id} could not be started: ${error.message}`, { cause: error });
      }
      await this.#neverRan(id, notes, failure.exitCode, error.message);
      return;
    }
    await files.markStarted(id);
    if (spec.network.kind === "bridge" && spec.network.internet) await this.#connect(id, notes);
    this.#follow(id, notes);
  }

  /** Without the platform a run may still do its work, so it is only told. */
  async #connect(id: RunId, { logFile }: RunNotes): Promise<void> {
    const { containers, files, relay, log } = this.#parts;
    const pid = (await containers.inspect(id))?.State.Pid ?? 0;
    if (!relay || pid === 0) return; // it has ended already
    const reason = await relay.start(files.folder(id), pid);
    if (reason === undefined) return;
    log.warn("A container does not reach the platform", { run: id, reason });
    await appendFile(logFile, line(Date.now(), `sagebrush: the platform cannot be reached from here: ${reason}`));
  }

  /** What must be there before the container is, in an order that a crash may cut anywhere. */
  async #prepare(id: RunId, spec: RunSpec): Promise<RunNotes> {
    const { files, networks, folders } = this.#parts;
    const isTheirs = spec.network.kind === "bridge" && !(await this.#ownNetworksFor(spec));
    const network = isTheirs ? networks.nameOf(spec.network) : undefined;
    const socket = socketOf(spec) ? socketPath(folders.sockets, id) : undefined;
    const notes: RunNotes = {
      logFile: spec.logFile,
      maxLogBytes: spec.maxLogBytes,
      program: spec.command[0] ?? "",
      ...(spec.scratch && { scratch: spec.scratch.directory }),
      ...(network !== undefined && { network }),
      ...(socket !== undefined && { socket }),
      ...(spec.serves !== false && "port" in spec.serves && { port: spec.serves.port }),
    };
    await files.begin(id, notes);
    await mkdir(dirname(spec.logFile), { recursive: true });
    await beginPosition(files.position(id), spec.logFile, spec.maxLogBytes);
    return notes;
  }

  async #create(id: RunId, spec: RunSpec): Promise<void> {
    const { containers, channels, folders, settings, traits } = this.#parts;
    const { root } = spec;
    if (spec.scratch?.must) {
      throw new RunRefused(
        "Containers of Docker and Podman write outside /opt/ml to disks of that engine, which cannot be encrypted from here. Push the image to this server's registry: its sandboxes keep all of it.",
      );
    }
    if (root.kind !== "image") throw new Error(`The docker engine runs images, got a root of kind ${root.kind}`);
    const { network } = spec;
    const place = network.kind === "bridge" ? await this.#placeOf(id, spec, network) : undefined;
    const channelFolders = await channels.layOut(spec.channels, await this.#channelsOf(id));
    const sockets = socketFolder(folders.sockets, id);
    if (socketOf(spec)) await mkdir(sockets, { recursive: true, mode: 0o700 });
    await mkdir(spec.mlDirectory, { recursive: true });
    await openToEveryone(spec.mlDirectory);
    const { hasInit, hasDeviceRequests } = await traits.get();
    const body = containerRequest({
      spec: { ...spec, root },
      allotment: allot(spec.resources),
      labels: containers.label,
      channelFolders,
      sharedFolders: await Promise.all((spec.mounts ?? []).map(sharedDirectory)),
      shownFolders: await this.#imageFolders.shown(root.id, ownNames(await readdir(spec.mlDirectory), spec)),
      socketFolder: socketOf(spec) ? sockets : undefined,
      network: place,
      settings,
      init: hasInit,
      hasDeviceRequests,
    });
    await containers.create(id, body);
  }

  /** Ours are entered by Podman alone. Ports of model servers must be reached from here, and hosts share one network. */
  async #ownNetworksFor({ serves, network }: RunSpec): Promise<OwnNetworks | undefined> {
    const { ownNetworks, traits } = this.#parts;
    const isAlone = network.kind === "bridge" && network.hosts.length === 1 && serves === false;
    if (!ownNetworks || this.#isKeptOut || !isAlone) return undefined;
    const { isPodman, isRootless } = await traits.get();
    return isPodman && !isRootless ? ownNetworks : undefined;
  }

  async #placeOf(id: RunId, spec: RunSpec, network: BridgeNetwork): Promise<NetworkPlace> {
    const own = await this.#ownNetworksFor(spec);
    if (!own) return this.#parts.networks.ensure(network, spec.hostname);
    const { namespace, hosts, nameServers } = await own.attach(id, network, spec.hostname);
    return {
      name: `ns:${namespace}`,
      hosts: hosts.map(({ name, address }) => `${name}:${address}`),
      nameServers,
    };
  }

  /** A command that cannot be executed is the run's fault, as in a shell: it has ended before it began. */
  async #neverRan(id: RunId, notes: RunNotes, exitCode: number, reason: string): Promise<void> {
    const { containers, files } = this.#parts;
    const now = Date.now();
    await appendFile(notes.logFile, line(now, `sagebrush: the run could not be started: ${reason}`));
    await files.markEnded(id, { phase: "exited", startedAt: now, endedAt: now, exitCode });
    await containers.remove(id);
  }

  async #discard(id: RunId): Promise<void> {
    const { containers, files, channels, networks, ownNetworks, folders, relay } = this.#parts;
    this.#stops.forget(id);
    await relay?.stop(files.folder(id));
    await containers.kill(id, "SIGKILL");
    const follower = this.#followers.get(id);
    await Promise.race([follower?.finished, new Promise((resolve) => setTimeout(resolve, lastLinesMillis).unref())]);
    await follower?.close();
    await containers.remove(id);
    await channels.clear(await this.#channelsOf(id));
    const notes = await files.notes(id);
    if (notes?.network !== undefined) await networks.release(notes.network);
    await ownNetworks?.detach(id);
    await removeTree(socketFolder(folders.sockets, id));
    await files.remove(id);
  }

  async #channelsOf(id: RunId): Promise<string> {
    const scratch = (await this.#parts.files.notes(id))?.scratch;
    return scratch === undefined ? this.#parts.files.channels(id) : join(scratch, "channels");
  }

  #follow(id: RunId, { logFile }: RunNotes): void {
    if (this.#followers.has(id)) return;
    const { api, containers, files, log } = this.#parts;
    const follower = new LogFollower({
      api,
      container: containers.nameOf(id),
      logFile,
      positionFile: files.position(id),
      hasEnded: async () => {
        const container = await containers.inspect(id);
        return !container || this.#stateOf(container).phase !== "running";
      },
      log,
    });
    this.#followers.set(id, follower);
    void follower.finished
      .catch(async (error: unknown) => {
        log.error("A log could not be followed", { run: id, error });
        await giveUp(files.position(id)); // else its end would never be told
      })
      .finally(() => {
        this.#followers.delete(id);
        this.#tell(id);
      });
  }

  async #hasWholeLog(id: RunId): Promise<boolean> {
    return (await readPosition(this.#parts.files.position(id)))?.isDone ?? true;
  }

  #stateOf(container: InspectedContainer) {
    return containerState(container, this.#parts.bootAt);
  }

  async #ended(id: RunId, end: RunEnd): Promise<RunEnd> {
    await this.#parts.files.markEnded(id, end);
    this.#stops.forget(id);
    return end;
  }

  #tell(id: RunId): void {
    for (const listener of this.#listeners) listener(id);
  }
}

/**
 * What an end that Podman tells half means: that memory was full shows in the kernel's log, and its init program says that
 * it could not execute the command, but not which, and ends with 1.
 */
async function explained({ logFile, program }: RunNotes, end: RunEnd, containerId: string): Promise<RunEnd> {
  if (end.phase !== "exited") return end;
  if (end.exitCode === 137 && end.reason === undefined && wasKilledForMemory(containerId)) {
    return { ...end, reason: "out-of-memory" };
  }
  if (end.exitCode !== 1) return end;
  const failure = initFailure(await lastLine(logFile));
  if (failure === undefined) return end;
  await appendFile(logFile, line(end.endedAt, `sagebrush: ${program} could not be executed: ${failure.reason}`));
  return { ...end, exitCode: failure.exitCode };
}

async function lastLine(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(500), 0, 500, Math.max(0, size - 500));
    return buffer.subarray(0, bytesRead).toString().trimEnd().split("\n").at(-1) ?? "";
  } finally {
    await file.close();
  }
}

function socketOf({ serves }: RunSpec): boolean {
  return serves !== false && "socket" in serves;
}

/** Where it answers: on its socket, or on its port at its address in the network. */
function addressOf(container: InspectedContainer, { socket, port, network }: RunNotes): string {
  if (socket !== undefined) return `unix:${socket}`;
  const ip = network && container.NetworkSettings?.Networks?.[network]?.IPAddress;
  return ip && port !== undefined ? `tcp:${ip}:${port}` : "";
}

const monitorDied: RunEnd = { phase: "lost", reason: "The process that supervises the container was killed" };
const removedByOthers: RunEnd = { phase: "lost", reason: "The container was removed by somebody else" };
