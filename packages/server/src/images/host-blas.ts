import { globSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { RunLibrary } from "./image.ts";
import { systemLibraries } from "./system-libraries.ts";

/** Where a run sees it. */
const target = "/opt/sagebrush/blas";

/** OpenBLAS with threads of its own, where distributions put it. */
const ofSystems = [
  "usr/lib/*/openblas-pthread/libopenblas.so.0", // Debian
  "usr/lib64/libopenblasp.so.0", // Fedora
  "usr/lib/libopenblas.so.0", // Arch
  "opt/homebrew/opt/openblas/lib/libopenblas.dylib",
  "usr/local/opt/openblas/lib/libopenblas.dylib",
];
const ofWheels = "lib/python3*/*-packages/{scipy,numpy}.libs/libscipy_openblas*.so";

let found: Promise<RunLibrary | undefined> | undefined;

/** The host's BLAS for runs of algorithms that multiply large matrices, looked for once; `undefined` where there is none. */
export function hostBlas(): Promise<RunLibrary | undefined> {
  found ??= findAndBind();
  return found;
}

async function findAndBind(): Promise<RunLibrary | undefined> {
  const file = findBlas();
  if (file === undefined) return undefined;
  // A wheel's library finds what it needs beside itself; of a system's folder a run is shown the one file.
  const bind = dirname(file).endsWith(".libs")
    ? { source: dirname(file), target }
    : { source: file, target: join(target, basename(file)) };
  return { binds: [bind, ...(await systemLibraries(file))], file: join(target, basename(file)) };
}

/**
 * Looks for an OpenBLAS: the system's, or the one inside a SciPy or NumPy wheel of a Python that all or this user have.
 * @param root - In place of `/`.
 * @returns Its real path.
 */
export function findBlas(root = "/", environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const prefixes = [
    ...(environment["VIRTUAL_ENV"] === undefined ? [] : [environment["VIRTUAL_ENV"]]),
    join(root, "usr/local"),
    join(environment["HOME"] ?? homedir(), ".local"),
    join(root, "opt/homebrew"),
  ];
  const patterns = [
    ...ofSystems.map((pattern) => join(root, pattern)),
    ...prefixes.map((prefix) => join(prefix, ofWheels)),
  ];
  for (const pattern of patterns) {
    const [first] = globSync(pattern).sort();
    if (first !== undefined) return realpathSync(first);
  }
  return undefined;
}
