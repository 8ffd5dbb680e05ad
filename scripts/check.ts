import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./setup.mjs";

/** `npm run check [-- --no-tests]`: everything a change must pass, the quick checks first. */
const bin = (name: string): string => join(root, "node_modules", ".bin", name);
const steps: readonly (readonly [string, string, readonly string[]])[] = [
  ["format", bin("biome"), ["ci", "."]],
  ["types: server", bin("tsc"), ["-p", "packages/server"]],
  ["types: algorithms", bin("tsc"), ["-p", "packages/algorithms"]],
  ["types: tests, benches, examples, scripts", bin("tsc"), ["-p", "."]],
  ["lint, with import direction", bin("oxlint"), ["--type-aware", "--deny-warnings"]],
  ["dead exports", bin("knip"), []],
  ["generated files are current", process.execPath, [join("scripts", "generate.ts"), "--check"]],
  ...(process.argv.includes("--no-tests")
    ? []
    : [["tests", process.execPath, [join("scripts", "test.ts")]] as [string, string, string[]]]),
];

const failed: string[] = [];
for (const [name, command, args] of steps) {
  process.stdout.write(`\n== ${name}\n`);
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (result.status !== 0) failed.push(name);
}
process.stdout.write(failed.length === 0 ? "\nAll checks passed.\n" : `\nFailed: ${failed.join("; ")}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
