import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";

const SOURCES = "packages/algorithms/src";
const TARGET = "packages/algorithms/.build";
const ENTRY = "sagebrush-algorithm";

export const name = "algorithms";
export const inputs = [SOURCES, "scripts/setup/algorithms.mjs", "node_modules/esbuild/package.json"];
export const outputs = [join(TARGET, `${ENTRY}.mjs`)];

/**
 * Bundles the program that runs in a built-in algorithm's container, and one entry for each `*.worker.ts`. What both
 * actions and all algorithms do not need lies in chunks of its own, so that a start loads little.
 */
export async function run(root) {
  const { build } = await import("esbuild");
  const target = join(root, TARGET);
  mkdirSync(target, { recursive: true });
  for (const file of readdirSync(target)) if (file.endsWith(".mjs")) rmSync(join(target, file));
  const workers = readdirSync(join(root, SOURCES), { recursive: true }).filter((path) => path.endsWith(".worker.ts"));
  await build({
    absWorkingDir: root,
    entryPoints: [
      { in: join(SOURCES, "main.ts"), out: ENTRY },
      ...workers.sort().map((path) => ({ in: join(SOURCES, path), out: basename(path, ".ts") })),
    ],
    outdir: target,
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
}
