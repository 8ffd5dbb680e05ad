import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { EngineApi } from "../engine-api.ts";
import { registryAuthHeader } from "../registry-auth.ts";

/** What Podman's containers need on hosts whose control groups are of both versions. */
export const podmanLimits = [
  { name: "nofile", soft: 1024, hard: 1024 },
  { name: "nproc", soft: 1000, hard: 1000 },
];

/** Of the system, not of a package. */
const programs = { podman: "podman", ldd: "ldd", umount: "umount" };

/** A Podman of a test's own: storage, networks and socket in a temporary folder. */
export class PodmanService {
  readonly socketPath: string;
  readonly api: EngineApi;
  readonly #folder: string;
  readonly #settings: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(folder: string, settings: readonly string[]) {
    this.#folder = folder;
    this.#settings = settings;
    this.socketPath = join(folder, "podman.sock");
    this.api = new EngineApi(this.socketPath);
  }

  /** @param settings - Lines of containers.conf besides its own. */
  static async open(settings: readonly string[] = []): Promise<PodmanService> {
    const service = new PodmanService(await mkdtemp(join(tmpdir(), "sagebrush-podman-")), settings);
    await service.start();
    return service;
  }

  /** Runs a container by Podman's own command. @returns What it prints. */
  run(args: readonly string[]): string {
    const limits = podmanLimits.flatMap(({ name, soft, hard }) => ["--ulimit", `${name}=${soft}:${hard}`]);
    const options = { encoding: "utf8" as const, env: { ...process.env, CONTAINERS_CONF: this.#configuration } };
    return execFileSync(programs.podman, [...this.#storage, "run", "--rm", ...limits, ...args], options);
  }

  get #configuration(): string {
    return join(this.#folder, "containers.conf");
  }

  get #storage(): string[] {
    return [
      "--root",
      join(this.#folder, "root"),
      "--runroot",
      join(this.#folder, "run"),
      "--tmpdir",
      join(this.#folder, "tmp"),
    ];
  }

  /** Starts it, on what an earlier one left. */
  async start(): Promise<void> {
    const configuration = this.#configuration;
    const lines = ["[engine]", 'cgroup_manager="cgroupfs"', 'events_logger="file"', 'runtime="runc"'];
    await writeFile(
      configuration,
      [...lines, "[network]", `network_config_dir="${this.#folder}/networks"`, ...this.#settings, ""].join("\n"),
    );
    this.#process = spawn(
      programs.podman,
      [...this.#storage, "system", "service", "--time", "0", `unix://${this.socketPath}`],
      // Its monitors leave files where it was started.
      { stdio: "ignore", cwd: this.#folder, env: { ...process.env, CONTAINERS_CONF: configuration } },
    );
    for (;;) {
      const there = await this.api.json({ method: "GET", path: "/_ping" }).catch((error: unknown) => error as Error);
      if (!(there instanceof Error) || there instanceof SyntaxError) return;
      if (this.#process.exitCode !== null) throw new Error("podman system service ended");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends the service; containers go on. */
  async stop(): Promise<void> {
    const service = this.#process;
    if (service === undefined || service.exitCode !== null) return;
    const ended = new Promise((resolve) => service.once("exit", resolve));
    service.kill("SIGKILL");
    await ended;
  }

  /**
   * Imports files as an image.
   * @param changes - Lines of a Dockerfile: `ENV A=1`.
   * @returns Its id.
   */
  async importImage(repository: string, files: string, changes: readonly string[] = []): Promise<string> {
    const archive = execFileSync("tar", ["-C", files, "-c", "."], { maxBuffer: 2 ** 30 });
    const { id } = await this.api.json<{ id: string }>({
      method: "POST",
      path: `/images/create?${changes.map((change) => `changes=${encodeURIComponent(change)}&`).join("")}fromSrc=-&repo=${repository}`,
      body: archive,
    });
    return id;
  }

  /** An image of nearly nothing. @returns Its id. */
  async smallImage(repository: string, changes: readonly string[] = []): Promise<string> {
    const files = join(this.#folder, "small");
    mkdirSync(files, { recursive: true });
    writeFileSync(join(files, "name"), repository);
    return await this.importImage(repository, files, changes);
  }

  /** Pushes an image to a registry without TLS. */
  async push(repository: string, target: string, credentials: { username: string; password: string }): Promise<void> {
    const answer = await this.api.stream({
      method: "POST",
      path: `/v4.0.0/libpod/images/${repository}/push`,
      query: { destination: target, tlsVerify: "false" },
      headers: registryAuthHeader(credentials),
    });
    const said = await text(answer);
    if (said.includes('"error"')) throw new Error(said);
  }

  /** Removes an image by its name. */
  async forget(repository: string): Promise<void> {
    await this.api.json({ method: "DELETE", path: `/images/${repository}`, query: { force: 1 } });
  }

  /**
   * An image of busybox and of the libraries that this Node needs, which a run binds to where it likes.
   * @param more - Lines of a Dockerfile, and files besides.
   * @returns Its id.
   */
  async baseImage(
    repository: string,
    more: { readonly changes?: readonly string[]; add?(files: string): Promise<void> } = {},
  ): Promise<string> {
    const files = join(this.#folder, "base");
    for (const folder of ["bin", "tmp", "etc"]) mkdirSync(join(files, folder), { recursive: true });
    copyFileSync(busyboxPath, join(files, "bin/busybox"));
    for (const name of execFileSync(busyboxPath, ["--list"], { encoding: "utf8" }).trim().split("\n")) {
      if (name !== "busybox") symlinkSync("busybox", join(files, "bin", name));
    }
    for (const library of librariesOf(process.execPath)) {
      mkdirSync(dirname(join(files, library)), { recursive: true });
      copyFileSync(library, join(files, library));
    }
    await more.add?.(files);
    return await this.importImage(repository, files, more.changes);
  }

  /** Ends it and removes everything that it had, containers that are left first. */
  async close(): Promise<void> {
    const left = await this.api.json<readonly { Id: string }[]>({
      method: "GET",
      path: "/containers/json",
      query: { all: 1 },
    });
    for (const { Id } of left) {
      await this.api.json({ method: "DELETE", path: `/containers/${Id}`, query: { force: 1, v: 1 } });
    }
    await this.api.json({ method: "POST", path: "/networks/prune" });
    await this.stop();
    this.api.close();
    const mounts = readFileSync("/proc/self/mountinfo", "utf8");
    for (const line of mounts.split("\n").toReversed()) {
      const place = line.split(" ")[4] ?? "";
      if (place.startsWith(`${this.#folder}/`)) execFileSync(programs.umount, ["-l", place]);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** From Debian's busybox-static. */
export const busyboxPath = "/bin/busybox";

/** The shared libraries and the loader of a program. */
function librariesOf(program: string): string[] {
  const text = execFileSync(programs.ldd, [program], { encoding: "utf8" });
  return [...text.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path as string);
}
