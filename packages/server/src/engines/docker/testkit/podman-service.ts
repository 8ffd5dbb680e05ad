import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { EngineApi } from "../engine-api.ts";

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
  #process: ChildProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
    this.socketPath = join(folder, "podman.sock");
    this.api = new EngineApi(this.socketPath);
  }

  static async open(): Promise<PodmanService> {
    const service = new PodmanService(await mkdtemp(join(tmpdir(), "sagebrush-podman-")));
    await service.start();
    return service;
  }

  /** Starts it, on what an earlier one left. */
  async start(): Promise<void> {
    const configuration = join(this.#folder, "containers.conf");
    const lines = ["[engine]", 'cgroup_manager="cgroupfs"', 'events_logger="file"', 'runtime="runc"'];
    await writeFile(
      configuration,
      [...lines, "[network]", `network_config_dir="${this.#folder}/networks"`, ""].join("\n"),
    );
    const storage = ["--root", join(this.#folder, "root"), "--runroot", join(this.#folder, "run")];
    this.#process = spawn(
      programs.podman,
      [
        ...storage,
        "--tmpdir",
        join(this.#folder, "tmp"),
        "system",
        "service",
        "--time",
        "0",
        `unix://${this.socketPath}`,
      ],
      { stdio: "ignore", env: { ...process.env, CONTAINERS_CONF: configuration } },
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

  /** Imports files as an image. @returns Its id. */
  async importImage(repository: string, files: string): Promise<string> {
    const archive = execFileSync("tar", ["-C", files, "-c", "."], { maxBuffer: 2 ** 30 });
    const { id } = await this.api.json<{ id: string }>({
      method: "POST",
      path: "/images/create",
      query: { fromSrc: "-", repo: repository },
      body: archive,
    });
    return id;
  }

  /**
   * An image of busybox and of the libraries that this Node needs, which a run binds to where it likes.
   * @returns Its id.
   */
  async baseImage(repository: string): Promise<string> {
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
    return await this.importImage(repository, files);
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
