// The JavaScript SDK as a user installs it, in a folder of its own: test/conformance/javascript/package.json says which.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const source = "test/conformance/javascript/package.json";
export const folder = ".build/javascript";

export const name = "javascript-client";
export const inputs = [source];
export const outputs = [`${folder}/node_modules/@aws-sdk/client-sagemaker/package.json`];

export function run(root) {
  const target = join(root, folder);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  copyFileSync(join(root, source), join(target, "package.json"));
  const args = ["install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"];
  const result = spawnSync("npm", args, { cwd: target, stdio: ["ignore", 2, 2] });
  if (result.status !== 0) throw new Error(`\`npm ${args.join(" ")}\` failed in ${target}; its output is above.`);
}
