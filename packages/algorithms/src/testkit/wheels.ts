import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildFile } from "../job/build-files.ts";

/** A file out of a wheel of PyPI's, which is installed once into the package's build folder. Needs Python with venv. */
export function fileOfWheel(wheel: string, file: string): string {
  const folder = buildFile(wheel.replace("==", "-"));
  const found = join(folder, file);
  if (existsSync(found)) return found;
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  try {
    const run = (command: string, ...words: string[]) => execFileSync(command, words, { stdio: ["ignore", 2, 2] });
    const packages = join(fresh, "packages");
    run("python3", "-m", "venv", join(fresh, "venv"));
    const bare = ["--no-deps", "--ignore-requires-python", "--only-binary", ":all:", "--quiet", "--target", packages];
    run(join(fresh, "venv/bin/python"), "-m", "pip", "install", "--disable-pip-version-check", ...bare, wheel);
    moveInto(packages, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  if (!existsSync(found)) throw new Error(`${wheel} has no ${file}`);
  return found;
}

/** Test files run side by side: whoever is second has the same in hand. */
function moveInto(packages: string, folder: string): void {
  try {
    renameSync(packages, folder);
  } catch (error) {
    if (!["EEXIST", "ENOTEMPTY"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** OpenBLAS as SciPy's wheels have it, or, with integers of 64 bits, NumPy's. */
export function testOpenBlas(integers: 32 | 64 = 32): string {
  const suffix = process.platform === "darwin" ? "dylib" : "so";
  const file = integers === 32 ? `libscipy_openblas.${suffix}` : `libscipy_openblas64_.${suffix}`;
  return fileOfWheel(`scipy-openblas${integers}==0.3.34.481.3`, `scipy_openblas${integers}/lib/${file}`);
}
