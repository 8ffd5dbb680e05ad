// The server in a few files instead of six hundred: a start loads it in a quarter of the time and of less memory.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { bundledProgram, programFolder } from "../../packages/server/src/cli/program.mjs";

const SERVER = "packages/server";
const weekMs = 7 * 24 * 3600_000;

export const name = "program";
export const inputs = [
  `${SERVER}/src`,
  `${SERVER}/package.json`,
  "packages/algorithms/src",
  "scripts/setup/program.mjs",
];
export const outputs = [`${programFolder}/program.json`];

/** A start compares sources by time, so a checkout that brings back an older text with a new time wants a new note. */
export function verify(root) {
  return bundledProgram(root) !== undefined;
}

/** Bundles the command line. Packages of the registry stay outside, to be loaded by the commands that use them. */
export async function run(root) {
  const { build } = await import("esbuild");
  const folder = join(root, programFolder);
  const { dependencies } = JSON.parse(readFileSync(join(root, SERVER, "package.json"), "utf8"));
  const made = await build({
    absWorkingDir: root,
    entryPoints: [join(SERVER, "src/cli/main.ts")],
    outdir: join(folder, "bundle"),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    external: Object.keys(dependencies).filter((each) => !each.startsWith("@sagebrush/")),
    plugins: [placesOfSources(root)],
    sourcemap: true,
    sourcesContent: false,
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
    write: false,
  });
  const id = createHash("sha256");
  for (const { path, contents } of made.outputFiles) id.update(`${basename(path)}\n`).update(contents);
  // A folder of its own, since a server that runs from an older bundle may still load parts of that.
  const bundle = join(folder, id.digest("hex").slice(0, 16));
  mkdirSync(bundle, { recursive: true });
  for (const { path, contents } of made.outputFiles) writeWhole(join(bundle, basename(path)), contents);
  const sources = Object.keys(made.metafile.inputs).map((file) => {
    const { size, mtimeMs } = statSync(join(root, file));
    return [file, size, mtimeMs];
  });
  const entry = join(relative(folder, bundle), "main.mjs");
  writeWhole(join(folder, "program.json"), JSON.stringify({ entry, sources }));
  prune(folder, bundle);
}

/**
 * Modules find the files that lie beside them by `import.meta.url`: in the bundle that is still the address of the source,
 * from where the bundle lies, so that a clone can be moved.
 */
function placesOfSources(root) {
  return {
    name: "places-of-sources",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, "utf8");
        if (!text.includes("import.meta.url")) return undefined;
        const place = JSON.stringify(relative(join(root, programFolder, "bundle"), path));
        return {
          contents: text.replaceAll("import.meta.url", `new URL(${place}, import.meta.url).href`),
          loader: "ts",
        };
      });
    },
  };
}

/** Two set-ups may meet here: both write the same bytes, and nobody sees half of them. */
function writeWhole(path, contents) {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, contents);
  renameSync(fresh, path);
}

function prune(folder, current) {
  for (const each of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, each.name);
    if (each.isDirectory() && path !== current && statSync(path).mtimeMs < Date.now() - weekMs) {
      rmSync(path, { recursive: true });
    }
  }
}
