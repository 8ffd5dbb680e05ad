import { execFile } from "node:child_process";
import { readdir, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** A Python of this host. */
export interface Python {
  readonly executable: string;
  /** `3.11` */
  readonly minor: string;
  /** `3.11.7` */
  readonly version: string;
  /** Folder that the interpreter and its library lie in: `/usr`, `/home/me/.pyenv/versions/3.11.7`. */
  readonly prefix: string;
  /** Whether it can make virtual environments with pip by itself. */
  readonly makesEnvironments: boolean;
  /** Whether this is what `python3` means on the server's PATH. */
  readonly isDefault: boolean;
}

/** Found in at most this time; a host may have a Python on a network drive that does not answer. */
const probeMillis = 20_000;
/** The newest of these that a host may have. */
const newestMinor = 20;

const probe = `import sys, json
try:
    import venv, ensurepip
    makes = True
except ImportError:
    makes = False
print(json.dumps([sys.executable, "%d.%d.%d" % sys.version_info[:3], sys.base_prefix, makes]))`;

/** Every Python 3 of this host: on the PATH, in the usual folders, of pyenv and of uv. The default one comes first. */
export async function findPythons(path = process.env["PATH"] ?? ""): Promise<Python[]> {
  const found = new Map<string, Python>();
  const candidates = await candidatesOf(path);
  const probed = await Promise.all(candidates.map(({ file }) => ask(file)));
  for (const [index, python] of probed.entries()) {
    if (!python) continue;
    const key = `${python.prefix} ${python.version}`;
    const isDefault = (candidates[index]?.isDefault ?? false) || (found.get(key)?.isDefault ?? false);
    // The same interpreter under several names: the first name that can make environments stays.
    const before = found.get(key);
    found.set(key, { ...(before?.makesEnvironments ? before : python), isDefault });
  }
  return [...found.values()].sort((a, b) => Number(b.isDefault) - Number(a.isDefault) || minorOf(b) - minorOf(a));
}

/** The number behind the dot. */
export function minorOf({ minor }: Pick<Python, "minor">): number {
  return Number(minor.split(".")[1]);
}

/** The Python at a path, if there is one that runs. */
export async function ask(file: string): Promise<Python | undefined> {
  try {
    const options = { timeout: probeMillis, env: { PATH: process.env["PATH"] ?? "", HOME: homedir() } };
    const { stdout } = await promisify(execFile)(file, ["-I", "-c", probe], options);
    const [executable, version, prefix, makesEnvironments] = JSON.parse(stdout) as [string, string, string, boolean];
    const minor = version.split(".").slice(0, 2).join(".");
    // Real paths: a sandbox has the interpreter's own folder, and no links that lead there.
    const [real, home] = await Promise.all([realpath(executable), realpath(prefix)]);
    return { executable: real, version, minor, prefix: home, makesEnvironments, isDefault: false };
  } catch {
    return undefined; // no Python 3, or one that does not run: as good as absent
  }
}

async function candidatesOf(path: string): Promise<{ file: string; isDefault: boolean }[]> {
  const folders = [...new Set([...path.split(":"), "/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"])];
  const files = new Map<string, boolean>();
  let isFirst = true;
  for (const folder of folders.filter((each) => each.startsWith("/"))) {
    const names = await namesIn(folder);
    for (const name of names) {
      const isDefault = name === "python3" && isFirst;
      if (isDefault) isFirst = false;
      if (/^python3(\.\d+)?$/.test(name) && Number(name.split(".")[1] ?? 0) <= newestMinor) {
        files.set(join(folder, name), isDefault);
      }
    }
  }
  const home = homedir();
  const homes = [
    join(process.env["PYENV_ROOT"] ?? join(home, ".pyenv"), "versions"),
    join(home, ".local/share/uv/python"),
  ];
  for (const folder of homes) {
    for (const name of await namesIn(folder)) files.set(join(folder, name, "bin", "python3"), false);
  }
  return [...files].map(([file, isDefault]) => ({ file, isDefault }));
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort(); // absent: nothing in it
}
