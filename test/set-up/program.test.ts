import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bundledProgram, programFolder } from "../../packages/server/src/cli/program.mjs";
import { run } from "../../scripts/setup/program.mjs";

const repository = join(import.meta.dirname, "..", "..");

test("the bundle is the command line, whole", async () => {
  await run(repository);
  const program = bundledProgram(repository);
  if (program === undefined) throw new Error("No bundle was made, or it is older than its sources");
  const printed = execFileSync(process.execPath, [program, "version"], { encoding: "utf8" });
  expect(printed).toMatch(/^sagebrush \d+\.\d+\.\d+, Node v24\./);
});

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sagebrush-program-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** A clone with two sources and a bundle of them. */
function bundleOf(...sources: readonly string[]): string {
  const entry = join("1a2b", "main.mjs");
  for (const file of [...sources, join(programFolder, entry)]) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), "export {};\n");
  }
  const note = sources.map((file) => [file, statSync(join(root, file)).size, statSync(join(root, file)).mtimeMs]);
  writeFileSync(join(root, programFolder, "program.json"), JSON.stringify({ entry, sources: note }));
  return join(root, programFolder, entry);
}

test("a bundle is used while its sources are what they were", () => {
  const program = bundleOf("src/main.ts", "src/part.ts");
  expect(bundledProgram(root)).toBe(program);
});

const changes: readonly (readonly [name: string, change: () => void])[] = [
  ["has another length", () => writeFileSync(join(root, "src/part.ts"), "export { };\n")],
  ["was written anew", () => utimesSync(join(root, "src/part.ts"), new Date(), new Date(Date.now() + 5000))],
  ["is gone", () => rmSync(join(root, "src/part.ts"))],
];
for (const [name, change] of changes) {
  test(`sources run where one of them ${name}`, () => {
    bundleOf("src/main.ts", "src/part.ts");
    change();
    expect(bundledProgram(root)).toBeUndefined();
  });
}

test("sources run where set-up was killed in the middle, or never ran", () => {
  const program = bundleOf("src/main.ts");
  writeFileSync(join(root, programFolder, "program.json"), '{"entry":"1a2b/main.mjs","sour');
  expect(bundledProgram(root)).toBeUndefined();
  bundleOf("src/main.ts");
  rmSync(program);
  expect(bundledProgram(root)).toBeUndefined();
  rmSync(join(root, programFolder), { recursive: true });
  expect(bundledProgram(root)).toBeUndefined();
});
