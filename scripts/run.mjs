// Entry of the npm scripts: sets up what is missing, then hands over to the pinned Node.
// Runs on the machine's own Node (>= 20), so it stays plain JavaScript.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { pinnedNode, root, setUp } from "./setup.mjs";

const programs = {
  quickstart: ["bin/sagebrush", "quickstart"],
  test: ["scripts/test.ts"],
  check: ["scripts/check.ts"],
  bench: ["scripts/bench.ts"],
  generate: ["scripts/generate.ts"],
  "test:npm": ["test/set-up/npm.ts"],
  "test:vm": ["test/vm/run.ts"],
  "test:frameworks": ["test/frameworks/run.ts"],
};

const [command = "", ...rest] = process.argv.slice(2);
const program = programs[command];
if (!program) {
  process.stderr.write(`Unknown command "${command}"; there are ${Object.keys(programs).join(", ")}.\n`);
  process.exit(2);
}
try {
  await setUp();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
const [file = "", ...first] = program;
const child = spawn(pinnedNode(), [join(root, file), ...first, ...rest], { cwd: root, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
