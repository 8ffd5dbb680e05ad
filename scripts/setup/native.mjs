// Builds the native supervisor where a C compiler is found. Without one the TypeScript supervisor takes its place.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const sources = "packages/server/native";
/** What is built, and from the C files of which folder. The probe is for tests of the sandbox. */
const programs = [
  { folder: sources, output: "packages/server/.build/native/sagebrush-supervisor" },
  { folder: `${sources}/escape-probe`, output: "packages/server/.build/native/escape-probe" },
];

export const name = "native supervisor";
export const inputs = [sources, "scripts/setup/native.mjs"];
// Not promised: a machine without a compiler has none, and the TypeScript supervisor takes its place.
export const outputs = [];

/** @param {string} root - The repository. */
export async function run(root) {
  if (process.platform !== "linux") return;
  const compiler = [process.env.CC, "cc", "gcc", "clang"].find((each) => each && works(each, ["--version"]));
  for (const program of programs) {
    if (compiler !== undefined && build(root, compiler, program)) continue;
    rmSync(join(root, program.output), { force: true }); // of older sources
    say(compiler === undefined ? "no C compiler found" : `${compiler} could not build ${program.folder}`);
  }
}

function build(root, compiler, { folder, output }) {
  const target = join(root, output);
  mkdirSync(join(target, ".."), { recursive: true });
  const files = readdirSync(join(root, folder)).filter((file) => file.endsWith(".c"));
  const paths = files.map((file) => join(root, folder, file));
  const language = ["-std=gnu11", "-O2", "-pthread", "-Wall", "-Wextra", "-Wno-format-truncation"];
  const flags = [...language, "-o", `${target}.new`, ...paths];
  // Static first: 0.6 MB resident instead of 1.2, and it runs in any root. Some distributions have no static libc.
  if (!works(compiler, ["-static", ...flags]) && !works(compiler, flags)) return false;
  renameSync(`${target}.new`, target); // a server may be starting runs with the old one
  return true;
}

function works(command, args) {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

let said = "";

function say(what) {
  if (what === said) return;
  said = what;
  process.stderr.write(
    `set-up: ${what}: runs are supervised by Node processes (slower starts, 50 MB each, no limits)\n`,
  );
}
