import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { imageFiles, python } from "./image-files.ts";

const requirements = join(import.meta.dirname, "training-toolkit.txt");
/** Of the system, not of a package. */
const compiler = "cc";
/** Kept between runs: the packages are some 200 MB, of which one is compiled. */
const cache = join(import.meta.dirname, "../../../../../.build/layers");

/** Whether this machine can make the layer, or has it: the toolkit's name look-up is written in C. */
export function canMakeToolkitLayer(): boolean {
  if (!existsSync(python)) return false;
  const about =
    'import sys, sysconfig; print(sysconfig.get_path("include") + "/Python.h", sys.version_info >= (3, 11))';
  const { stdout } = spawnSync(python, ["-c", about], { encoding: "utf8" });
  const [header = "", isRecent] = stdout.trim().split(" ");
  return isRecent === "True" && existsSync(header) && spawnSync(compiler, ["--version"]).status === 0;
}

/**
 * A layer of this machine's Python with SageMaker's training toolkit from the package index, as `pip install` in a
 * Dockerfile leaves it.
 * @returns The tar archive, made anew only where the packages or Python changed.
 */
export function trainingToolkitLayer(): Buffer {
  const version = execFileSync(python, ["-VV"], { encoding: "utf8" });
  const sources = [requirements, import.meta.filename, join(import.meta.dirname, "image-files.ts")];
  const hash = createHash("sha256").update(version);
  for (const source of sources) hash.update(readFileSync(source));
  const path = join(cache, `training-toolkit-${hash.digest("hex").slice(0, 16)}.tar`);
  if (existsSync(path)) return readFileSync(path);
  const layer = make();
  mkdirSync(cache, { recursive: true });
  for (const old of globSync(join(cache, "training-toolkit-*.tar"))) rmSync(old, { force: true });
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, layer);
  renameSync(unfinished, path);
  return layer;
}

function make(): Buffer {
  using files = imageFiles();
  files.addPython();
  const script = 'import sys; print("/usr/local/lib/python%d.%d/dist-packages" % sys.version_info[:2])';
  const packages = join(files.root, execFileSync(python, ["-c", script], { encoding: "utf8" }).trim());
  install(packages);
  mkdirSync(join(files.root, "usr/local/bin"));
  renameSync(join(packages, "bin/train"), join(files.root, "usr/local/bin/train"));
  for (const folder of globSync(join(packages, "**/{test,tests,__pycache__}")))
    rmSync(folder, { recursive: true, force: true });
  files.addLibrariesOf(globSync(join(packages, "**/*.so*")));
  return files.tar();
}

function install(target: string): void {
  const environment = mkdtempSync(join(tmpdir(), "sagebrush-pip-"));
  try {
    execFileSync(python, ["-m", "venv", environment]);
    // By the environment's pip for the distribution's Python, which has none of its own.
    execFileSync(
      join(environment, "bin/pip"),
      ["--python", python, "install", "--quiet", "--no-compile", "--target", target, "-r", requirements],
      {
        stdio: ["ignore", "inherit", "inherit"],
        env: { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: "1", PIP_ROOT_USER_ACTION: "ignore" },
      },
    );
  } finally {
    rmSync(environment, { recursive: true, force: true });
  }
}
