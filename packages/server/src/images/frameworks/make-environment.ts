import { spawn } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnvironmentRecipe } from "./environment-recipe.ts";
import { InstallProgress, type Progress } from "./install-progress.ts";

/** An environment that takes longer is given up: the network is gone, or the packages are not for this host. */
const limitMillis = 60 * 60_000;
/** Lines of output that a failure may quote. */
const keptLines = 40;
/** Longest line that is kept. */
const keptCharacters = 500;
/** How often packages that are in place are counted. */
const countMillis = 500;

/** Making an environment failed; the message holds what the installer said last. */
export class InstallFailed extends Error {
  override readonly name = "InstallFailed";
}

interface Making {
  readonly recipe: EnvironmentRecipe;
  /** Where it is to be; a folder that does not exist yet. */
  readonly folder: string;
  /** Path of uv, where there is one. */
  readonly uv: string | undefined;
  /** Told what is being done, in a few words. */
  readonly say: (progress: Progress) => void;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/**
 * Makes a virtual environment and installs the recipe's packages, only from wheels: building from source would run for
 * long, need compilers, and fail late. @throws InstallFailed.
 */
export async function makeEnvironment({ recipe, folder, uv, say, signal }: Making): Promise<void> {
  const python = join(folder, "bin", "python");
  const list = `${folder}.txt`;
  await writeFile(list, `${recipe.packages.join("\n")}\n`);
  const installed = join(folder, "lib", `python${recipe.python.minor}`, "site-packages");
  const run = (command: readonly string[]) => runQuietly(command, { say, signal, installed });
  // uv cannot make one that sees the packages of Debian's Python, whose folder is not where it looks.
  // Nor does it pass over which Pythons a package says that it is for.
  if (uv !== undefined && !recipe.systemPackages && !recipe.isLibrary) {
    say({ text: "making the environment" });
    await run([uv, "venv", "--quiet", "--seed", "--python", recipe.python.executable, folder]);
    const options = ["--only-binary", ":all:", "--compile-bytecode", "--no-progress"];
    await run([uv, "pip", "install", ...options, "--python", python, "-r", list]);
    return;
  }
  say({ text: "making the environment" });
  const system = recipe.systemPackages ? ["--system-site-packages"] : [];
  await run([recipe.python.executable, "-m", "venv", ...system, folder]);
  const options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--only-binary", ":all:"];
  // A library is for any Python, and needs none of what its package works with in Python.
  const bare = recipe.isLibrary ? ["--no-deps", "--ignore-requires-python", "--no-compile"] : [];
  await run([python, "-m", "pip", "install", ...options, ...bare, "-r", list]);
}

/** @param about.installed - Where packages appear. */
async function runQuietly(
  command: readonly string[],
  { say, signal, installed }: Pick<Making, "say" | "signal"> & { readonly installed: string },
): Promise<void> {
  const lines: string[] = [];
  const progress = new InstallProgress();
  const before = await countPackages(installed);
  // Whoever runs jobs may be another user than the server: everything is readable.
  const child = spawn("/bin/sh", ["-c", 'umask 022; exec "$0" "$@" 2>&1', ...command], {
    stdio: ["ignore", "pipe", "ignore"],
    env: installerVariables(),
    signal: AbortSignal.any([signal, AbortSignal.timeout(limitMillis)]),
  });
  const count = async (): Promise<void> => {
    const now = progress.installed((await countPackages(installed)) - before);
    if (now) say(now);
  };
  const counting = setInterval(() => void count(), countMillis);
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split(/[\r\n]+/);
    rest = (parts.pop() ?? "").slice(0, keptCharacters);
    for (const part of parts) {
      const line = part.trimEnd().slice(0, keptCharacters);
      if (line.trim() === "") continue;
      lines.push(line);
      if (lines.length > keptLines) lines.shift();
      const now = progress.read(line);
      if (now) say(now);
    }
  });
  const code = await new Promise<number | string>((resolve) => {
    child.on("error", (error) => resolve(signal.aborted ? "the server stopped" : error.message));
    child.on("close", (exit, killed) => resolve(exit ?? killed ?? "killed"));
  });
  clearInterval(counting);
  if (code === 0) return;
  throw new InstallFailed(lastWords([...lines, rest], code));
}

/** Packages leave a folder of metadata when they are in place. */
async function countPackages(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []); // the environment is not made yet
  return names.filter((name) => name.endsWith(".dist-info")).length;
}

/** The lines that say what is wrong, or else the last ones. */
function lastWords(lines: readonly string[], code: number | string): string {
  const said = lines.map((line) => line.trim()).filter((line) => line !== "");
  const errors = said.filter((line) => /^(?:ERROR|error|×|╰─▶)/.test(line));
  const words = (errors.length > 0 ? errors.slice(-4) : said.slice(-4)).join(" ");
  return words === "" ? `it ended with ${code}` : words;
}

/** The server's own variables less its secrets, and less what would bend another Python. */
function installerVariables(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(?:AWS_|SAGEBRUSH_|PYTHON|VIRTUAL_ENV$|CONDA)/.test(name),
  );
  return { ...Object.fromEntries(kept), PYTHONNOUSERSITE: "1", NO_COLOR: "1" };
}
