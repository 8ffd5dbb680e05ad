/** Runs container-shaped work. One contract suite (`engine-contract.ts`) holds for every engine. */

/** Names one run: `[a-z0-9-]{1,63}`, derived from the record it belongs to, so that a second start finds the first. */
export type RunId = string;

export type RunState =
  /** Never started, or removed. */
  | { readonly phase: "absent" }
  /** Accepted, not running yet. */
  | { readonly phase: "pending" }
  /** `address` is where its server answers, reachable from any gateway: `unix:/path` or `tcp:host:port`. */
  | { readonly phase: "running"; readonly startedAt: number; readonly address: string }
  | {
      readonly phase: "exited";
      readonly startedAt: number;
      readonly endedAt: number;
      /** 128 + n for signal n. */
      readonly exitCode: number;
      /** Why, in words, when the engine knows more than the code says: `out of memory`. */
      readonly reason?: "out-of-memory";
    }
  /** The run died without leaving an exit status (its supervisor was killed, the host restarted). */
  | { readonly phase: "lost"; readonly reason: string };

/** One file of a channel: a path relative to the channel's directory and the immutable file that holds its bytes. */
export interface ChannelFile {
  readonly path: string;
  readonly source: string;
  readonly sizeBytes: number;
}

/** A directory made of immutable files, which the run may change without any effect on them. */
export interface Channel {
  /** Where it appears, absolute and below /opt/ml: `/opt/ml/input/data/train`. */
  readonly target: string;
  readonly files: readonly ChannelFile[];
  readonly readOnly: boolean;
}

/** A host directory shown at `target` as it is: what others write appears, and so do the run's own writes to others. */
export interface Mount {
  /** Where it appears, absolute and below /opt/ml. */
  readonly target: string;
  /** Host directory that `path` may not lead out of, whatever is made of it meanwhile. Absolute, without links. */
  readonly root: string;
  /** Relative to `root`, without links; empty for the root itself. */
  readonly path: string;
  readonly readOnly: boolean;
}

/** A host path shown read-only at `target` inside. */
export interface Bind {
  readonly source: string;
  readonly target: string;
}

/** The files that an image consists of. */
export type RootFs = FilesRoot | HostToolsRoot | LayersRoot | ImageRoot;

/** The minimal tree (libc, /dev, /proc, /tmp) and the binds, which is all that a built-in algorithm needs. */
export interface FilesRoot {
  readonly kind: "files";
  readonly binds: readonly Bind[];
}

/**
 * The host's own programs and libraries (/usr and what belongs to it), read-only, for code that users bring; and the
 * binds, such as an environment of packages at its own path. Nothing of the host's homes, data or keys. The engine makes
 * a HOME for the run, writable and on disk, which goes with the run.
 */
export interface HostToolsRoot {
  readonly kind: "host-tools";
  readonly binds: readonly Bind[];
}

/** A container image that was unpacked on this host: its layers, which stay as they are, and a private one over them. */
export interface LayersRoot {
  readonly kind: "layers";
  /** Folders of the unpacked layers, the lowest first. */
  readonly layers: readonly string[];
  readonly binds: readonly Bind[];
  /** Who the command runs as, by the image's own numbers; root when absent. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Folders to make where the image lacks them: its working directory. */
  readonly folders: readonly string[];
  /** Names of folders that the image itself has in /opt/ml: they are seen there unless the run has its own of the name. */
  readonly mlFolders: readonly string[];
}

/** An image that a container engine has. */
export interface ImageRoot {
  readonly kind: "image";
  /** Its name, for people. */
  readonly reference: string;
  /** The engine's own id of it, `sha256:…`: the same files whatever the name means by then. */
  readonly id: string;
  readonly binds: readonly Bind[];
}

/** What a run can reach besides itself. */
export type Network = NoNetwork | BridgeNetwork;

/** Nothing but the run's own loopback. */
export interface NoNetwork {
  readonly kind: "none";
}

/** An interface `eth0` on a private network that the runs of one job share. */
export interface BridgeNetwork {
  readonly kind: "bridge";
  /** `[a-z0-9-]{1,63}`. Runs that give the same name are on the same network; it goes with the last of them. */
  readonly name: string;
  /**
   * Every host of the network, the same list in the same order for each of its runs. All of them resolve inside from
   * the first moment on, whether they run yet or not; the run's own `hostname` is one of them.
   */
  readonly hosts: readonly string[];
  /**
   * Whether the run reaches the internet (by NAT: neither this host's services nor private networks) and the platform
   * at `platformAddress`. Without it the run reaches its peers alone.
   */
  readonly internet: boolean;
  /** Whether packets between hosts are encrypted; where that cannot be done, `start` fails with RunRefused. */
  readonly encrypted?: boolean;
}

/**
 * Where a run on a network with `internet` reaches the platform by plain HTTP, whatever the isolating engine: the one
 * address besides loopback from which every AWS SDK takes credentials so.
 */
export const platformAddress = "169.254.170.2";

/**
 * Whether and where a run is a server. `socket`: it gets SAGEBRUSH_LISTEN (a path inside) and must listen on that Unix
 * socket. `port`: it listens on that TCP port inside, as foreign model servers do on 8080, and needs an `eth0`; the
 * engine relays. Either way `RunState.address` leads there.
 */
export type Serves = false | { readonly socket: true } | { readonly port: number };

/** GPUs for a run, and what of the host it needs to use them. */
export interface RunGpus {
  /** Their names: `GPU-…`. */
  readonly uuids: readonly string[];
  /** Device files: theirs and the driver's own. */
  readonly devices: readonly Bind[];
  /** The driver's libraries and programs for images, which have none that fit the host's kernel; below {@link driverFolder}. */
  readonly driver: readonly Bind[];
}

/** Where images find the driver of the host's GPUs: `lib` and `bin` in it. */
export const driverFolder = "/opt/sagebrush/nvidia";

export interface RunSpec {
  /**
   * Whose run this is, where it may be made from a process that was started for the same one in advance (`prestarted/`): account,
   * region and execution role. Nothing is shared between different ones.
   */
  readonly inAdvanceFor?: string;
  /** The next one is started in advance when this run is over, not beside it: for runs that want every core while they last. */
  readonly nextAfterwards?: boolean;
  readonly root: RootFs;
  /** Executable (a path inside) and its arguments. */
  readonly command: readonly string[];
  /** Where the command starts (a path inside); `/` when absent. */
  readonly workingDirectory?: string;
  /** The whole environment: nothing of the server's own is added. */
  readonly environment: Readonly<Record<string, string>>;
  /** `algo-1`; what the run sees as its host name. */
  readonly hostname: string;
  /**
   * Host directory bound to /opt/ml, writable. The engine makes it belong to the run's user before the start. Other
   * mounts (channels) appear below it.
   */
  readonly mlDirectory: string;
  /**
   * Where the run's other writes go: changes to its channels, its HOME, its image's files. A folder of the engine's own when
   * absent. With `must`, a run that would write elsewhere too is refused. Its caller removes it after `remove`.
   */
  readonly scratch?: { readonly directory: string; readonly must: boolean };
  readonly channels: readonly Channel[];
  /**
   * Host directories, shared with others. Where the engine can, the run acts in them as the directory's owner. An engine
   * without isolation keeps nobody from writing to those that are read-only.
   */
  readonly mounts?: readonly Mount[];
  readonly network: Network;
  readonly resources: {
    /** Hard limit in bytes, where the host lets us. */
    readonly memoryBytes?: number;
    /** Upper bound in cores; cores are shared by weight below it. */
    readonly cpus?: number;
    /** Share of contended cores relative to other runs, 1 to 10,000; 100 is the default. */
    readonly cpuWeight?: number;
    /** The GPUs of the host that it sees; none when absent. */
    readonly gpus?: RunGpus;
  };
  readonly serves: Serves;
  /**
   * Where stdout and stderr, merged, are appended as they come: lines `EPOCH_MILLISECONDS SPACE TEXT LF`. Lives on
   * after `remove`; shortened by nobody but the engine: past `maxLogBytes` lines
   * are dropped from its middle, where a notice stands for them, and the others stay where they were (`log-gap.ts`). Where
   * the file system cannot do that, the log ends with a notice.
   */
  readonly logFile: string;
  readonly maxLogBytes: number;
}

export interface Capabilities {
  /**
   * Set where every run sees the host's paths: there is no /opt/ml, and only SAGEBRUSH_ML_ROOT says where its content is.
   */
  readonly hostPaths?: true;
  /** Files, processes and network of the host are out of the run's reach. */
  readonly isolation: boolean;
  readonly memoryLimit: boolean;
  readonly cpuLimit: boolean;
  /** Runs images that were unpacked on this host (roots of the kind `layers`), or why not and what would help. */
  readonly layers?: true | { readonly lacks: string };
  /** What this engine lacks on this host and what that costs, for `sagebrush doctor` and the start banner. */
  readonly notices: readonly string[];
}

/** Why an engine cannot run images that were unpacked on this host; `undefined` where it can. */
export function layersRefusal({ layers }: Capabilities): string | undefined {
  if (layers === true) return undefined;
  return (
    layers?.lacks ??
    "this host has no sandboxes that could run it: install bubblewrap (Debian: apt-get install bubblewrap), or start Docker or Podman"
  );
}

/** What a run uses now, and what it has used since it began. */
export interface RunUsage {
  readonly cpuSeconds: number;
  /** Now. */
  readonly memoryBytes: number;
  /** From and to disks. */
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Over its own network; 0 where it has none. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** The backend cannot be reached or refuses for now; the caller retries. */
export class EngineUnavailable extends Error {
  override readonly name = "EngineUnavailable";
}

/** This engine can never run what was asked for on this host; the message says why and what would help. */
export class RunRefused extends Error {
  override readonly name = "RunRefused";
}

/** Every call is idempotent on `id`: a reconciler may repeat any of them after a crash. */
export interface Engine {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** Whether runs of such roots are isolated, where that differs between them. */
  isolates?(root: RootFs["kind"]): boolean;
  /** Whether runs of such roots see the host's paths, where that differs between them. */
  showsHostPaths?(root: RootFs["kind"]): boolean;
  /** Starts the run unless it was started before. Resolves when its supervisor has taken over. */
  start(id: RunId, spec: RunSpec): Promise<void>;
  observe(id: RunId): Promise<RunState>;
  /** Every run this engine knows, to find orphans. */
  list(): Promise<RunId[]>;
  /** Sends SIGTERM to the run's first process, then SIGKILL to everything after `graceMs`. Returns at once. */
  stop(id: RunId, graceMs: number): Promise<void>;
  /** Ends the run if need be and frees everything but the log file and the /opt/ml directory. */
  remove(id: RunId): Promise<void>;
  /** What a run uses; `undefined` when it does not run. An engine that cannot tell has no such method. */
  usage?(id: RunId): Promise<RunUsage | undefined>;
  /**
   * Bytes on disk that a run has written besides what is in its /opt/ml: to its channels, its HOME, its image's files.
   * Where its channels are copies in /opt/ml their size is taken off, so that it may be negative. `undefined` for a run
   * that this engine does not know. An engine that cannot tell has no such method.
   */
  diskUsage?(id: RunId): Promise<number | undefined>;
  /** Calls back when a run may have changed. A hint: whoever must not miss a change observes again. @returns Stops. */
  watch(listener: (id: RunId) => void): () => void;
  /** Lets go of watchers and timers. Runs go on. */
  close(): Promise<void>;
}

/** Whether an engine isolates runs of such roots. */
export function isIsolated(engine: Engine, root: RootFs["kind"]): boolean {
  return engine.isolates?.(root) ?? engine.capabilities.isolation;
}

/** Whether runs of such roots see the host's paths instead of /opt/ml. */
export function showsHostPaths(engine: Engine, root: RootFs["kind"]): boolean {
  return engine.showsHostPaths?.(root) ?? engine.capabilities.hostPaths === true;
}
