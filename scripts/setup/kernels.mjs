import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCES = "packages/algorithms/src";
const TARGET = "packages/algorithms/.build";

/**
 * Every `*.as.ts` under the algorithms package, repository-relative, in a stable order. Those in a `parts` folder are
 * imported by others and are no kernels by themselves.
 */
function kernelSources(root) {
  return readdirSync(join(root, SOURCES), { recursive: true })
    .filter((path) => path.endsWith(".as.ts") && basename(dirname(path)) !== "parts")
    .map((path) => join(SOURCES, path))
    .sort();
}

/** Flags measured in the design's kernel trials; memory is shared with worker threads and passed in as `env.memory`. */
const FLAGS = [
  "-O3",
  "--noAssert",
  ...["--runtime", "stub"],
  ...["--enable", "simd", "--enable", "relaxed-simd", "--enable", "threads", "--enable", "bulk-memory"],
  "--importMemory",
  "--sharedMemory",
  ...["--initialMemory", "16", "--maximumMemory", "65536"],
];

function targetOf(source) {
  return join(TARGET, `${basename(source, ".as.ts")}.wasm`);
}

function compile(root, source) {
  const target = join(root, targetOf(source));
  const fresh = `${target}.${process.pid}`; // a set-up that runs beside this one writes its own
  const asc = join(root, "node_modules/assemblyscript/bin/asc.js");
  const result = spawnSync(process.execPath, [asc, source, "--outFile", fresh, ...FLAGS], {
    cwd: root,
    encoding: "utf8",
  });
  if (result.status !== 0) throw new Error(`asc could not compile ${source}:\n${result.stdout}${result.stderr}`);
  renameSync(fresh, target);
}

export const name = "kernels";
const sources = kernelSources(fileURLToPath(new URL("../..", import.meta.url)));
/** The kernels alone: an edit elsewhere need not wait for the compiler. */
export const inputs = [...sources, "scripts/setup/kernels.mjs", "node_modules/assemblyscript/package.json"];
export const outputs = sources.map(targetOf);

/** Compiles every AssemblyScript kernel to WebAssembly. */
export async function run(root) {
  mkdirSync(join(root, TARGET), { recursive: true });
  for (const source of kernelSources(root)) compile(root, source);
}
