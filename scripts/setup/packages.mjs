// npm packages, the pinned Node among them: the package `node` puts it into node_modules/.bin by an install script,
// which npm skips without a word under --ignore-scripts and, in newer releases, unless `allowScripts` lists it.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const name = "packages";
export const inputs = [
  "package-lock.json",
  "package.json",
  "packages/server/package.json",
  "packages/algorithms/package.json",
  "packages/console/package.json",
];
export const outputs = ["node_modules/.package-lock.json"];

export function verify(root) {
  return nodeVersion(root).startsWith("v24.");
}

export async function run(root) {
  const result = npm(root, ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (result.status !== 0) {
    throw new Error(
      `\`npm ci\` failed (exit code ${result.status}); its output is above. Mend that and run the command again.`,
    );
  }
  if (verify(root)) return;
  const found = nodeVersion(root);
  const wanted = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).dependencies.node;
  throw new Error(
    [
      `The pinned Node (${wanted}) is not in node_modules/.bin${found ? `: found ${found}` : ""}.`,
      "The npm package `node` puts it there with an install script, and npm did not run that script.",
      `npm is set to ignore-scripts=${process.env.npm_config_ignore_scripts ?? "unknown"} here. Try:`,
      "  npm config get ignore-scripts          # must be false: unset it in .npmrc, drop --ignore-scripts",
      "  npm ci && node_modules/.bin/node --version",
    ].join("\n"),
  );
}

function npm(root, args) {
  const script = process.env.npm_execpath;
  const [command, first] = script?.endsWith(".js") ? [process.execPath, [script]] : ["npm", []];
  return spawnSync(command, [...first, ...args], { cwd: root, stdio: ["ignore", 2, 2] });
}

function nodeVersion(root) {
  const result = spawnSync(join(root, "node_modules", ".bin", "node"), ["--version"], { encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : "";
}
