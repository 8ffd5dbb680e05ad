import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** Podman and skopeo with storage and settings of their own, so that nothing of the machine's is read or changed. */
export interface ContainerTools {
  readonly folder: string;
  podman(...args: readonly string[]): Promise<string>;
  skopeo(...args: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

/** Opens them in a temporary folder. */
export async function openContainerTools(): Promise<ContainerTools> {
  const folder = await mkdtemp(join(tmpdir(), "sagebrush-tools-"));
  const home = join(folder, "home");
  await mkdir(home);
  const storage = ["--root", join(folder, "root"), "--runroot", join(folder, "run"), "--storage-driver", "vfs"];
  const policy = join(folder, "policy.json");
  await writeFile(policy, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  const logins = join(folder, "auth.json");
  await writeFile(logins, "{}");
  const env = { PATH: process.env["PATH"], HOME: home, XDG_RUNTIME_DIR: home, REGISTRY_AUTH_FILE: logins };
  const run = async (program: string, args: readonly string[]) =>
    (await promisify(execFile)(program, args, { env, cwd: folder, maxBuffer: 16 * 2 ** 20 })).stdout.trim();
  return {
    folder,
    podman: (...args) => run("podman", [...storage, ...args]),
    skopeo: (...args) => run("skopeo", ["--policy", policy, ...args]),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
