import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Capabilities, EngineUnavailable } from "../engine.ts";
import type { ChannelFolders } from "./channel-folders.ts";
import { type EngineApi, EngineApiError } from "./engine-api.ts";

/** What `GET /info` says, as far as we read it. */
interface EngineInfo {
  readonly ServerVersion: string;
  readonly MemoryLimit: boolean;
  readonly CpuCfsQuota: boolean;
  readonly SecurityOptions?: readonly string[] | null;
  readonly Rootless?: boolean;
  readonly InitBinary?: string;
  /** Podman's alone. */
  readonly BuildahVersion?: string;
  readonly Runtimes?: Readonly<Record<string, unknown>>;
}

/** What is to be known of a container engine. */
export interface Traits {
  /** `Podman 4.3.1`, `Docker 27.0.1` */
  readonly title: string;
  readonly isPodman: boolean;
  /** Whether it has an init program for containers. */
  readonly hasInit: boolean;
  /** Whether it can be asked for GPUs by name: with NVIDIA's toolkit set up, and never Podman, which takes requests and does nothing. */
  readonly hasDeviceRequests: boolean;
  readonly memoryLimit: boolean;
  readonly cpuLimit: boolean;
  /** Whether root in its containers is the user it runs as. */
  readonly isRootless: boolean;
}

/** Finds out what the container engine is: once, as soon as it answers. */
export class EngineTraits {
  readonly #api: EngineApi;
  #known: Traits | undefined;
  #why = "it was not asked yet";

  constructor(api: EngineApi) {
    this.#api = api;
  }

  /** @throws EngineUnavailable while none answers. */
  async get(): Promise<Traits> {
    this.#known ??= await this.#ask();
    return this.#known;
  }

  /** As far as it is known by now. */
  get known(): Traits | undefined {
    return this.#known;
  }

  /** What its containers give, and what they lack. */
  capabilities(channels: ChannelFolders["form"], hasRelay: boolean, hasOwnNetworks: boolean): Capabilities {
    const traits = this.#known;
    if (traits === undefined) {
      return {
        isolation: true,
        memoryLimit: false,
        cpuLimit: false,
        notices: [`container images cannot run: ${this.#why}`],
      };
    }
    return {
      isolation: true,
      memoryLimit: traits.memoryLimit,
      cpuLimit: traits.cpuLimit,
      notices: notices(traits, channels, hasRelay, hasOwnNetworks),
    };
  }

  async #ask(): Promise<Traits> {
    try {
      return traitsOf(await this.#api.json<EngineInfo>({ method: "GET", path: "/info" }));
    } catch (error) {
      this.#why = (error as Error).message;
      if (!(error instanceof EngineApiError)) throw error;
      throw new EngineUnavailable(
        `The container engine at ${this.#api.socketPath} does not say what it is: ${this.#why}`,
      );
    }
  }
}

function traitsOf(info: EngineInfo): Traits {
  const isPodman = info.BuildahVersion !== undefined;
  return {
    title: `${isPodman ? "Podman" : "Docker"} ${info.ServerVersion}`,
    isPodman,
    hasInit: isPodman ? podmanInitFolders.some((folder) => existsSync(join(folder, "catatonit"))) : !!info.InitBinary,
    hasDeviceRequests: !isPodman && info.Runtimes?.["nvidia"] !== undefined,
    memoryLimit: info.MemoryLimit,
    cpuLimit: info.CpuCfsQuota,
    isRootless: info.Rootless ?? info.SecurityOptions?.includes("name=rootless") ?? false,
  };
}

/** Docker brings its own init program; Podman looks here, and does not tell. */
const podmanInitFolders = ["/usr/libexec/podman", "/usr/lib/podman", "/usr/local/libexec/podman", "/usr/bin"];

function notices(
  traits: Traits,
  channels: ChannelFolders["form"],
  hasRelay: boolean,
  hasOwnNetworks: boolean,
): string[] {
  const all: string[] = [];
  if (!traits.memoryLimit) all.push("containers have no memory limit: a run can use all of the host's memory");
  if (!traits.cpuLimit) all.push("containers have no CPU limit: runs compete as the kernel's scheduler likes");
  const isOwn = hasOwnNetworks && traits.isPodman && !traits.isRootless;
  const which = isOwn ? "model servers and jobs of several hosts in containers" : "containers";
  all.push(`${which} with a way out reach what the container engine lets them reach, this host's services among it`);
  if (!hasRelay || traits.isRootless) {
    all.push(
      "containers do not reach the platform at 169.254.170.2 (it wants root and the native supervisor): AWS calls inside need an address and keys of their own",
    );
  }
  if (!traits.hasInit) {
    all.push(
      "no init program for containers (Debian: apt-get install catatonit): a first process that does not handle SIGTERM is only ended by SIGKILL, after the grace",
    );
  }
  if (channels === "copy") {
    all.push(
      "no overlays for the channels of containers (they want root, the native supervisor and the host's own mounts): inputs are copied, which takes time and disk space",
    );
  }
  if (!traits.isRootless && process.geteuid?.() !== 0) {
    all.push(
      "containers run as root and the server does not: what they write may be closed to the server; use rootless Podman, or run the server as root",
    );
  }
  return all;
}
