// Brings a clone to the point where everything can run. Plain JavaScript: it runs on the machine's own Node (>= 20),
// before the pinned one is there. Each stage is skipped while the hash of its inputs is what it was.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "./setup/lock.mjs";

export const root = realpathSync(join(dirname(fileURLToPath(import.meta.url)), ".."));
const stamps = join(root, ".build", "setup");

/** Stages that every command needs, in order. Python client environments are made by the tests that use them. */
const stageNames = ["packages", "schemas", "native", "kernels", "algorithms", "program"];

/** Runs every stage whose inputs changed. Prints one line for each stage that had work to do. */
export async function setUp() {
  requireNode20();
  mkdirSync(stamps, { recursive: true });
  await withLock(join(stamps, "lock"), async () => {
    for (const name of stageNames) {
      const file = join(root, "scripts", "setup", `${name}.mjs`);
      if (existsSync(file)) await runStage(await import(file));
    }
  });
}

/** Path of the pinned Node that everything but set-up runs on. */
export function pinnedNode() {
  return join(root, "node_modules", ".bin", "node");
}

export async function runStage(stage) {
  const stamp = join(stamps, stage.name.replaceAll("/", "-"));
  const wanted = hashOf(stage.inputs, stage.version ?? "");
  const current = existsSync(stamp) ? readFileSync(stamp, "utf8") : "";
  const complete = stage.outputs.every((output) => existsSync(join(root, output))) && (stage.verify?.(root) ?? true);
  if (current === wanted && complete) return false;
  const started = Date.now();
  rmSync(stamp, { force: true });
  await stage.run(root);
  const missing = stage.outputs.filter((output) => !existsSync(join(root, output)));
  if (missing.length > 0) throw new Error(`Set-up stage "${stage.name}" did not make ${missing.join(", ")}.`);
  writeFileSync(stamp, wanted);
  process.stderr.write(`set-up: ${stage.name} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`);
  return true;
}

function hashOf(inputs, version) {
  const hash = createHash("sha256").update(`${process.platform} ${process.arch} ${version}\n`);
  for (const input of inputs)
    for (const file of filesIn(join(root, input))) hash.update(`${file}\n`).update(readFileSync(file));
  return hash.digest("hex");
}

function* filesIn(path) {
  if (!existsSync(path)) return;
  if (statSync(path).isFile()) {
    yield path;
    return;
  }
  for (const name of readdirSync(path).sort()) {
    if (name === "node_modules" || name === ".build" || name.endsWith(".test.ts")) continue;
    yield* filesIn(join(path, name));
  }
}

function requireNode20() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major >= 20) return;
  throw new Error(`Node 20 or newer is needed to set up; this is ${process.version}. Any newer release will do.`);
}

/** The commit's working copy has a command for people: say how to call it by name. */
function pathLine() {
  return `export PATH="${join(root, "bin")}:$PATH"`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await setUp();
    const version = execFileSync(pinnedNode(), ["--version"], { encoding: "utf8" }).trim();
    process.stdout.write(`Ready, on Node ${version}. To call sagebrush by name:\n  ${pathLine()}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
