import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";

const SOURCES = "packages/algorithms/src";
const TARGET = "packages/algorithms/.build";
const ENTRY = "sagebrush-algorithm";

export const name = "algorithms";
/** koffi's binary for this system, where it has one. */
const koffi = `node_modules/@koromix/koffi-${process.platform}-${process.arch}`;
export const inputs = [
  SOURCES,
  "scripts/setup/algorithms.mjs",
  "node_modules/esbuild/package.json",
  join(koffi, "package.json"),
];
export const outputs = [join(TARGET, `${ENTRY}.mjs`)];

/**
 * Bundles the program that runs in a built-in algorithm's container, and one entry for each `*.worker.ts`. What both
 * actions and all algorithms do not need lies in chunks of its own, so that a start loads little.
 */
export async function run(root) {
  const { build } = await import("esbuild");
  const target = join(root, TARGET);
  const fresh = join(target, `bundle.${process.pid}`);
  mkdirSync(fresh, { recursive: true });
  const workers = readdirSync(join(root, SOURCES), { recursive: true }).filter((path) => path.endsWith(".worker.ts"));
  await build({
    absWorkingDir: root,
    entryPoints: [
      { in: join(SOURCES, "main.ts"), out: ENTRY },
      ...workers.sort().map((path) => ({ in: join(SOURCES, path), out: basename(path, ".ts") })),
    ],
    outdir: fresh,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    minify: true,
    keepNames: true,
    format: "esm",
    platform: "node",
    target: "node24",
    define: { SAGEBRUSH_BUNDLE: "true" },
    legalComments: "none",
    logLevel: "warning",
  });
  // Chunks before the entries that import them, so that whoever starts meanwhile finds a whole program.
  const made = readdirSync(fresh);
  for (const file of made.sort((a, b) => Number(isEntry(a)) - Number(isEntry(b)))) {
    renameSync(join(fresh, file), join(target, file));
  }
  rmSync(fresh, { recursive: true });
  copyForeignInterface(root, target);
  prune(target, new Set(made));
}

/** The foreign function interface is one file that a run can be shown, as the bundle is. */
function copyForeignInterface(root, target) {
  const libc =
    process.platform === "linux" && !process.report.getReport().header.glibcVersionRuntime ? "musl" : process.platform;
  const file = join(root, koffi, `${libc}_${process.arch}`, "koffi.node");
  if (!existsSync(file)) return; // no algorithm that needs it can run here, and says so
  copyFileSync(file, join(target, "koffi.node.new"));
  renameSync(join(target, "koffi.node.new"), join(target, "koffi.node"));
}

/** Chunks carry a hash in their names; what a run may start by name does not. */
function isEntry(file) {
  return !/-[0-9A-Z]{8}\.mjs$/.test(file);
}

/** Runs that began before still load chunks of their own bundle, so those stay for a while. */
function prune(target, current) {
  const weekAgo = Date.now() - 7 * 24 * 3600 * 1000;
  for (const file of readdirSync(target)) {
    const path = join(target, file);
    if (file.endsWith(".mjs") && !current.has(file) && statSync(path).mtimeMs < weekAgo) rmSync(path);
  }
}
