import type { ImageRoot, RunGpus, RunSpec } from "../engine.ts";
import { withDriver } from "../gpu-driver.ts";
import { type Allotment, allotmentEnvironment } from "../supervised/host-resources.ts";
import type { NetworkPlace } from "./networks.ts";

/** Limits that some hosts need on every container, from the configuration. */
export interface ContainerSettings {
  /** OCI runtime by its name in the engine; the engine's default when absent. */
  readonly runtime?: string;
  /** `nofile`, `nproc`: soft and hard limit. */
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
}

/** What a container is made of besides its run's specification. */
export interface ContainerParts {
  readonly spec: RunSpec & { readonly root: ImageRoot };
  readonly allotment: Allotment;
  readonly labels: Readonly<Record<string, string>>;
  /** Host folder of each channel, in the order of `spec.channels`. */
  readonly channelFolders: readonly string[];
  /** Host directory of each of `spec.mounts`, in their order. */
  readonly sharedFolders: readonly string[];
  /** Folders below /opt/ml that the image has and the run has not. */
  readonly shownFolders: readonly string[];
  /** Host folder for the run's socket, when it serves. */
  readonly socketFolder: string | undefined;
  /** Undefined for none. */
  readonly network: NetworkPlace | undefined;
  readonly settings: ContainerSettings;
  /** Whether the engine has an init program for containers. */
  readonly init: boolean;
  /** Whether it can be asked for GPUs by name. */
  readonly hasDeviceRequests: boolean;
}

/** Where a server's socket folder appears inside, as in sandboxes. */
export const socketTarget = "/opt/sagebrush/run";

/**
 * What programs in images need of root's powers: package managers and entry points change owners and users, nginx
 * listens on port 80, sshd (which MPI starts) makes itself a jail and writes audit records. Raw sockets, device files
 * and all that reaches beyond the container are not among them.
 */
export const keptCapabilities = [
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "NET_BIND_SERVICE",
  "SETGID",
  "SETUID",
  "SYS_CHROOT",
];

/** Threads count. Enough for a data loader on every core of a large host, too few for a fork bomb to take it down. */
const pidsLimit = 16_384;
/** The engine keeps lines with some 50 to 90 bytes besides; a server that is away for long must not lose the oldest. */
const logFactor = 4;
const minLogBytes = 64 * 2 ** 20;

/** The body of `POST /containers/create`. */
export function containerRequest(parts: ContainerParts): Record<string, unknown> {
  const { spec, allotment, labels, settings, network } = parts;
  const { gpus } = spec.resources;
  const environment = {
    ...(parts.hasDeviceRequests ? spec.environment : withDriver(spec.environment, gpus)),
    ...allotmentEnvironment(allotment),
    ...(parts.socketFolder !== undefined && { SAGEBRUSH_LISTEN: `${socketTarget}/s` }),
  };
  return {
    Image: spec.root.id,
    Hostname: spec.hostname,
    // Both are given, so nothing of the image's is added.
    Entrypoint: spec.command.slice(0, 1),
    Cmd: spec.command.slice(1),
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ...(spec.workingDirectory !== undefined && { WorkingDir: spec.workingDirectory }),
    Labels: labels,
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    HostConfig: {
      Mounts: mounts(parts),
      NetworkMode: network?.name ?? "none",
      ...(network !== undefined && { ExtraHosts: network.hosts }),
      ...(network?.nameServers?.length && { Dns: network.nameServers }),
      Memory: allotment.memoryLimit === undefined ? 0 : Math.floor(allotment.memoryLimit),
      // Swap counts too: a limit that lets a run swap without end is none.
      MemorySwap: allotment.memoryLimit === undefined ? 0 : Math.floor(allotment.memoryLimit),
      NanoCpus: allotment.cpuLimit === undefined ? 0 : Math.round(allotment.cpuLimit * 1e9),
      CpuShares: Math.max(2, Math.round((allotment.cpuWeight * 1024) / 100)),
      PidsLimit: pidsLimit,
      // Data loaders share batches through it; it counts as the run's memory.
      ShmSize: Math.floor(allotment.memoryBytes / 2),
      CapDrop: ["ALL"],
      CapAdd: keptCapabilities,
      SecurityOpt: ["no-new-privileges"],
      Init: parts.init,
      RestartPolicy: { Name: "no" },
      LogConfig: {
        Type: "json-file",
        Config: { "max-size": String(Math.max(minLogBytes, spec.maxLogBytes * logFactor)) },
      },
      ...(settings.runtime !== undefined && { Runtime: settings.runtime }),
      ...(settings.ulimits.length > 0 && {
        Ulimits: settings.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
      }),
      ...(gpus && deviceSettings(gpus, parts.hasDeviceRequests)),
    },
    ...(network?.address !== undefined && {
      NetworkingConfig: {
        EndpointsConfig: { [network.name]: { IPAMConfig: { IPv4Address: network.address } } },
      },
    }),
  };
}

/** GPUs by Docker's own hook, as `docker run --gpus` asks for them, or by their device files. */
function deviceSettings({ uuids, devices }: RunGpus, byRequest: boolean): Record<string, unknown> {
  if (byRequest) return { DeviceRequests: [{ DeviceIDs: uuids, Capabilities: [["gpu", "compute", "utility"]] }] };
  return {
    Devices: devices.map(({ source, target }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: "rwm",
    })),
  };
}

function mounts(parts: ContainerParts): Record<string, unknown>[] {
  const { spec, channelFolders, sharedFolders, shownFolders, socketFolder, hasDeviceRequests } = parts;
  const driver = hasDeviceRequests ? [] : (spec.resources.gpus?.driver ?? []);
  const bind = (Source: string, Target: string, ReadOnly: boolean) => ({ Type: "bind", Source, Target, ReadOnly });
  const channels = spec.channels.map(({ target, readOnly }, index) =>
    bind(channelFolders[index] as string, target, readOnly),
  );
  const shared = (spec.mounts ?? []).map(({ target, readOnly }, index) =>
    bind(sharedFolders[index] as string, target, readOnly),
  );
  return [
    ...spec.root.binds.map(({ source, target }) => bind(source, target, true)),
    bind(spec.mlDirectory, "/opt/ml", false),
    ...[...channels, ...shared].toSorted((a, b) => (a.Target < b.Target ? -1 : 1)), // outer ones first
    ...driver.map(({ source, target }) => bind(source, target, true)),
    // A volume without a name begins with what the image has at its place, and goes with the container.
    ...shownFolders.map((Target) => ({ Type: "volume", Target })),
    ...(socketFolder === undefined ? [] : [bind(socketFolder, socketTarget, false)]),
  ];
}
