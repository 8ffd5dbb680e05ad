import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { kinds } from "../../../objects/object-name.ts";
import { type JobServer, startJobServerOn } from "./testkit/job-server.ts";
import { readyImages } from "./testkit/ready-images.ts";
import { logLines, ScriptedEngine } from "./testkit/scripted-engine.ts";

let jobs: JobServer;
beforeAll(async () => {
  jobs = await startJobServerOn(async () => new ScriptedEngine(), readyImages());
});
afterAll(() => jobs.close());

/** Counts calls of one method until the test has ended. */
function countCalls<Name extends string, Target extends Record<Name, (...args: never[]) => unknown>>(
  target: Target,
  name: Name,
): () => number {
  const original = target[name];
  let calls = 0;
  const counted = (...args: never[]) => {
    calls++;
    return original.apply(target, args);
  };
  Object.assign(target, { [name]: counted });
  onTestFinished(() => void Object.assign(target, { [name]: original }));
  return () => calls;
}

test("a short job is eight commits from its creation until nothing of it is left", async () => {
  const { store } = jobs.server.platform;
  jobs.engine.algorithm = (run, engine) => engine.exit(run.id, 0);
  const writes = countCalls(store, "write");
  await jobs.until(await jobs.create(), "Completed");
  await expect.poll(async () => (await store.list({ kind: kinds.hold, limit: 1 })).records.length).toBe(0);
  // Created with its tags, Downloading, the hold of its input, Training, its verdict, the model, its end, the hold's end.
  expect(writes()).toBe(8);
});

test("a log that has not grown is not read again", async () => {
  jobs.engine.algorithm = (run) => logLines(run, "loss=1");
  const reads = countCalls(jobs.server.platform.metrics, "followLog");
  const looks = countCalls(jobs.engine, "observe");
  const name = await jobs.create({
    AlgorithmSpecification: {
      TrainingImage: "registry.example/team/own:1",
      TrainingInputMode: "File",
      MetricDefinitions: [{ Name: "loss", Regex: "loss=([0-9.]+)" }],
    },
  });
  await expect.poll(reads).toBe(1);
  const before = looks();
  await expect.poll(looks).toBeGreaterThan(before + 2);
  expect(reads()).toBe(1);
  const [run] = jobs.engine.running;
  if (run === undefined) throw new Error("The job does not run");
  await logLines(run, "loss=2");
  await expect.poll(reads).toBe(2);
  jobs.engine.exit(run.id, 0);
  const { FinalMetricDataList: metrics } = await jobs.until(name, "Completed");
  expect(metrics?.map(({ Value }) => Value)).toEqual([2]);
});
