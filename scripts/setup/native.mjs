// Builds the native supervisor where a C compiler is found. Without one the TypeScript supervisor takes its place.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const sources = "packages/server/native";
const target = "packages/server/.build/native/sagebrush-supervisor";

export const name = "native supervisor";
export const inputs = [sources, "scripts/setup/native.mjs"];
// Not a promised output: a machine without a compiler has none.
export const outputs = [];

/** What `run` found out: printed by set-up when it is not empty. */
export let notice = "";

function works(command, args) {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** @param {string} root - The repository. */
export async function run(root) {
  const output = join(root, target);
  rmSync(output, { force: true });
  if (process.platform !== "linux") return;
  const compiler = [process.env.CC, "cc", "gcc", "clang"].find((each) => each && works(each, ["--version"]));
  if (compiler === undefined) {
    notice = "no C compiler: runs are supervised by Node processes (slower starts, about 50 MB each)";
    return;
  }
  mkdirSync(join(output, ".."), { recursive: true });
  const files = readdirSync(join(root, sources))
    .filter((file) => file.endsWith(".c"))
    .map((file) => join(root, sources, file));
  const flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wno-format-truncation", "-o", `${output}.new`, ...files];
  // Static first: 0.6 MB resident instead of 1.2, and it runs in any root. Some distributions have no static libc.
  if (!works(compiler, ["-static", ...flags]) && !works(compiler, flags)) {
    notice = `${compiler} could not build ${sources}: runs are supervised by Node processes`;
    return;
  }
  renameSync(`${output}.new`, output);
}
