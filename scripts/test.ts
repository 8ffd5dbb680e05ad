import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { pythonEnvironment, pythonMissing, pythonOf } from "./setup/python-environment.mjs";
import { root, runStage } from "./setup.mjs";

/** What a suite counted. A suite that could not run at all counts as one failure, or as one skip with its reason. */
interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

/** One run of a test runner: of a whole suite, or of one file where lanes share a suite. */
interface Task {
  readonly suite: string;
  readonly name: string;
  run(reports: string): Promise<Tally>;
}

/** Tasks in the order in which they are taken, and how many take from them at once. */
interface Queue {
  readonly lanes: number;
  readonly tasks: readonly Task[];
}

const forbidSkips = process.env["SAGEBRUSH_FORBID_SKIPS"] === "1";
// The SageMaker SDKs mostly sleep between polls, so their suites run beside the others.
const queues: readonly Queue[] = [
  { lanes: 1, tasks: [{ suite: "typescript", name: "typescript", run: runVitest }] },
  { lanes: 1, tasks: [suiteOf("boto3"), suiteOf("aws-cli")] },
  { lanes: 2, tasks: filesOf("sagemaker-v2") },
  { lanes: 1, tasks: [suiteOf("sagemaker-v3")] },
];
const made = new Map<string, Promise<unknown>>();

process.exitCode = await main(process.argv.slice(2));

/** `npm test [-- SUITE ...]`: every suite, or those named. TypeScript runs beside the Python clients. */
async function main(wanted: readonly string[]): Promise<number> {
  const known = new Set(queues.flatMap(({ tasks }) => tasks.map(({ suite }) => suite)));
  const unknown = wanted.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    process.stderr.write(`There is no suite ${unknown.join(", ")}; there are ${[...known].join(", ")}.\n`);
    return 2;
  }
  const reports = join(root, ".build", "test-reports");
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  const lanes = queues.flatMap((queue) => {
    const tasks = queue.tasks.filter(({ suite }) => wanted.length === 0 || wanted.includes(suite));
    return Array.from({ length: queue.lanes }, () => takeAll(tasks, reports));
  });
  const tallies = (await Promise.all(lanes)).flat();

  const passed = tallies.reduce((sum, tally) => sum + tally.passed, 0);
  const failed = tallies.reduce((sum, tally) => sum + tally.failed, 0);
  const skipped = tallies.flatMap((tally) => tally.skipped);
  for (const reason of skipped) process.stdout.write(`skipped: ${reason}\n`);
  const forbidden = forbidSkips && skipped.length > 0;
  if (forbidden) process.stdout.write("Skipping is forbidden here (SAGEBRUSH_FORBID_SKIPS=1).\n");
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
  return failed > 0 || forbidden || passed === 0 ? 1 : 0;
}

/** The suite of a Python client as one run. */
function suiteOf(client: string): Task {
  return {
    suite: client,
    name: client,
    run: (reports) => runPytest(client, join("test", "conformance", client), join(reports, `${client}.xml`)),
  };
}

/** The suite of a Python client file by file, each with a server of its own, the longest first so that lanes end together. */
function filesOf(client: string): Task[] {
  const folder = join("test", "conformance", client);
  const files = readdirSync(join(root, folder)).filter((name) => /^test_.*\.py$/.test(name));
  const size = (name: string): number => statSync(join(root, folder, name)).size;
  return files
    .toSorted((a, b) => size(b) - size(a))
    .map((name) => ({
      suite: client,
      name: `${client}/${name}`,
      run: (reports) => runPytest(client, join(folder, name), join(reports, `${client}.${name}.xml`)),
    }));
}

/** Runs tasks until none is left, shared with whoever else takes from the same array. */
async function takeAll(tasks: Task[], reports: string): Promise<Tally[]> {
  const tallies: Tally[] = [];
  for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
    const started = performance.now();
    const tally = await task.run(reports);
    tallies.push(tally);
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    const counts = `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped.length} skipped`;
    process.stdout.write(`suite ${task.name} took ${seconds} s: ${counts}.\n`);
  }
  return tallies;
}

/** Test files that install a wheel for the library in it, which needs Python's venv as the clients' suites do. */
function filesWithWheels(): string[] {
  const folder = join("packages", "algorithms", "src");
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((file) => join(folder, file))
    .filter((file) => file.endsWith(".test.ts"))
    .filter((file) => /\btest(?:Library|OpenBlas)\(/.test(readFileSync(join(root, file), "utf8")));
}

async function runVitest(reports: string): Promise<Tally> {
  const missing = pythonMissing();
  const left = missing === undefined ? [] : filesWithWheels();
  const report = join(reports, "typescript.json");
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const code = await output(process.execPath, [
    vitest,
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...left.flatMap((file) => ["--exclude", file]),
  ]);
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: [] };
  const { testResults } = JSON.parse(readFileSync(report, "utf8")) as {
    testResults: { status: string; assertionResults: { status: string; fullName: string }[] }[];
  };
  const tests = testResults.flatMap((file) => file.assertionResults);
  // A file that fails to load has no tests to count, and is a failure all the same.
  const brokenFiles = testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
  const failed = tests.filter((test) => test.status === "failed").length + brokenFiles.length;
  return {
    passed: tests.filter((test) => test.status === "passed").length,
    // A hook that fails leaves its tests skipped: only the exit code tells.
    failed: failed > 0 || code === 0 ? failed : 1,
    skipped: [
      ...left.map((file) => `${file}: ${missing}`),
      ...tests.filter((test) => !["passed", "failed"].includes(test.status)).map((test) => test.fullName),
    ],
  };
}

/** Runs what of a client's tests lies at `path`. */
async function runPytest(client: string, path: string, report: string): Promise<Tally> {
  const missing = pythonMissing();
  if (missing !== undefined) return { passed: 0, failed: 0, skipped: [`${path}: ${missing}`] };
  try {
    // Lanes of one client wait for the same environment.
    if (!made.has(client)) made.set(client, runStage(pythonEnvironment(client)));
    await made.get(client);
  } catch (error) {
    process.stderr.write(`${client}: ${(error as Error).message}\n`);
    return { passed: 0, failed: 1, skipped: [] };
  }
  const code = await output(pythonOf(root, client), [
    ...["-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", `--junitxml=${report}`, path],
  ]);
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: [] };
  const head = /<testsuite [^>]*>/.exec(readFileSync(report, "utf8"))?.[0] ?? "";
  const count = (name: string): number => Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = count("failures") + count("errors");
  const skipped = count("skipped");
  return {
    passed: count("tests") - failed - skipped,
    failed: failed > 0 || code === 0 ? failed : 1,
    skipped: Array.from({ length: skipped }, () => `a test of ${client}`),
  };
}

/** Runs a command with its output on ours. @returns Its exit code. */
function output(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", () => resolve(1));
    child.on("exit", (code) => resolve(code ?? 1));
  });
}
