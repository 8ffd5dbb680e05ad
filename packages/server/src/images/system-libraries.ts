import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Bind } from "../engines/engine.ts";

const known = new Map<string, Promise<readonly Bind[]>>();

/**
 * The system's libraries that a shared library loads and our Node does not: a run's root has Node's only. Found once for each
 * library; none where the system has no `ldd`.
 */
export function systemLibraries(file: string): Promise<readonly Bind[]> {
  const found = known.get(file) ?? findLibraries(file);
  known.set(file, found);
  return found;
}

async function findLibraries(file: string): Promise<readonly Bind[]> {
  const [wanted, there] = await Promise.all([librariesOf(file), librariesOf(process.execPath)]);
  return wanted
    .filter((path) => /^\/(usr\/)?lib(64)?\//.test(path) && !there.includes(path))
    .map((path) => ({ source: path, target: path.startsWith("/usr/") ? path : `/usr${path}` }));
}

async function librariesOf(file: string): Promise<string[]> {
  const path = `${process.env["PATH"] ?? ""}:/usr/bin:/bin`;
  try {
    const { stdout } = await promisify(execFile)("ldd", [file], { env: { LC_ALL: "C", PATH: path } });
    return [...stdout.matchAll(/(?:^|=>)\s*(\/\S+)\s+\(0x/gm)].map((match) => match[1] as string);
  } catch {
    return []; // no ldd: the engine that needs it says so, and a plain process finds libraries by itself
  }
}
