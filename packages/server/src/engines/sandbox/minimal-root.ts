import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { EngineUnavailable } from "../engine.ts";
import type { SetupStep } from "../supervised/plan.ts";

/** The libraries of the pinned Node, found once and kept beside the engine's state. */
export interface Libraries {
  /** Host path and path inside. */
  readonly files: readonly { readonly source: string; readonly target: string }[];
}

const nobody = "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n";
const group = "root:x:0:\nnogroup:x:65534:\n";
const nsswitch = "passwd: files\ngroup: files\nhosts: files dns\n";

/** Host files that programs expect and that tell nothing about the host. */
export const sharedFiles = ["/usr/share/zoneinfo", "/etc/ssl/certs/ca-certificates.crt"];

/** Finds which libraries `program` loads. The answer is cached in `directory` under the program's size and time. */
export async function findLibraries(directory: string, program: string): Promise<Libraries> {
  const about = await stat(program);
  const key = `${program} ${about.size} ${about.mtimeMs}`;
  const cache = join(directory, "libraries.json");
  try {
    const kept = JSON.parse(await readFile(cache, "utf8")) as { key: string; libraries: Libraries };
    if (kept.key === key && kept.libraries.files.every(({ source }) => existsSync(source))) return kept.libraries;
  } catch {
    // None yet, or a half-written one: found again below.
  }
  const libraries = { files: parseLdd(await ldd(program)).map((source) => ({ source, target: mergedUsr(source) })) };
  await writeFile(`${cache}.new`, JSON.stringify({ key, libraries }), { mode: 0o600 });
  await rename(`${cache}.new`, cache);
  return libraries;
}

/** @throws EngineUnavailable where the system has no `ldd`, as on musl without its tools. */
async function ldd(program: string): Promise<string> {
  const path = `${process.env["PATH"] ?? ""}:/usr/bin:/bin`;
  try {
    const { stdout } = await promisify(execFile)("ldd", [program], { env: { LC_ALL: "C", PATH: path } });
    return stdout;
  } catch (error) {
    throw new EngineUnavailable(`ldd cannot tell which libraries ${program} needs: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The paths that `ldd` prints: `name => /path (0x…)` and the loader's `/path (0x…)`. */
export function parseLdd(text: string): string[] {
  const paths = [...text.matchAll(/(?:^|=>)\s*(\/\S+)\s+\(0x/gm)].map((match) => match[1] ?? "");
  return [...new Set(paths)];
}

/** The tree inside has /lib and /lib64 as links into /usr, whatever the host does. */
function mergedUsr(path: string): string {
  return /^\/lib(64)?\//.test(path) ? `/usr${path}` : path;
}

/** Steps that build everything but the run's own parts: the least that a dynamically linked program needs. */
export function minimalRoot(libraries: Libraries): SetupStep[] {
  return [
    ...["/usr/lib", "/usr/lib64", "/usr/bin", "/opt", "/etc", "/proc", "/dev"].map(
      (path) => ["dir", path, "755"] as const,
    ),
    ["dir", "/tmp", "1777"],
    ["symlink", "usr/lib", "/lib"],
    ["symlink", "usr/lib64", "/lib64"],
    ["symlink", "usr/bin", "/bin"],
    ...libraries.files.map(({ source, target }) => ["ro", source, target] as const),
    ...sharedFiles.filter((path) => existsSync(path)).map((path) => ["ro", path, path] as const),
    ...accountFiles({ home: "/tmp", shell: "/bin/sh" }),
  ];
}

/** Steps that write who a run is, for programs that look it up. */
export function accountFiles(root: { readonly home: string; readonly shell: string }): SetupStep[] {
  return [
    ["file", "/etc/passwd", `root:x:0:0:root:${root.home}:${root.shell}\n${nobody}`],
    ["file", "/etc/group", group],
    ["file", "/etc/nsswitch.conf", nsswitch],
  ];
}
