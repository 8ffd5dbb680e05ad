import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MlSandbox } from "../job/testkit/run-program.ts";
import { randomStream } from "../numerics/random.ts";
import { csvOf, type TestRows } from "../testkit/row-files.ts";

const program = join(import.meta.dirname, "../main.ts");
/** A channel may keep 32 KiB of it, which is less than the training rows take. */
const environment = { SAGEBRUSH_MEMORY_BYTES: String(64 * 1024), SAGEBRUSH_CPUS: "2" };

let ml: MlSandbox;
const feeders: { kill(): void }[] = [];
beforeEach(() => {
  ml = new MlSandbox();
  mkdirSync(join(ml.root, "input/data"), { recursive: true });
  ml.write("input/config/hyperparameters.json", { predictor_type: "regressor", epochs: "3", mini_batch_size: "50" });
});
afterEach(() => {
  for (const feeder of feeders.splice(0)) feeder.kill();
  ml[Symbol.dispose]();
});

function rowsOf(count: number, seed: number): TestRows {
  const stream = randomStream(seed);
  const features = Array.from({ length: count }, () => Array.from({ length: 4 }, () => stream.normal()));
  return { features, labels: features.map((row) => row.reduce((sum, value) => sum + value, 0)) };
}

/** Puts each of the channel's epochs into a FIFO of its own, as the platform does. */
function feed(channel: string, rows: TestRows, epochs: number): void {
  const source = join(ml.root, `source-of-${channel}`);
  writeFileSync(source, csvOf(rows));
  for (let epoch = 0; epoch < epochs; epoch++) {
    const fifo = join(ml.root, "input/data", `${channel}_${epoch}`);
    execFileSync("mkfifo", [fifo]);
    feeders.push(spawn("sh", ["-c", 'exec cat "$1" > "$2"', "sh", source, fifo], { stdio: "ignore" }));
  }
}

const channelsOf = (mode: string) => ({
  train: { TrainingInputMode: mode, ContentType: "text/csv" },
  validation: { TrainingInputMode: mode, ContentType: "text/csv" },
});
const modelOf = () => readFileSync(join(ml.root, "model/model_algo-1"));

test("rows that do not fit come epoch by epoch, to the model of files; what fits is taken once", async () => {
  const [train, validation] = [rowsOf(4000, 1), rowsOf(300, 2)];
  ml.write("input/config/inputdataconfig.json", channelsOf("Pipe"));
  // An attempt to keep them, a look, three epochs, and one to measure the model.
  feed("train", train, 6);
  feed("validation", validation, 1);
  using piped = ml.start("train", environment, "linear-learner", program);
  expect(await piped.ended(), piped.output).toBe(0);
  expect(piped.output).toContain("The 4000 rows of the train channel do not fit into memory");
  expect(piped.output).not.toContain("rows of the validation channel do not fit");
  const model = modelOf();
  expect(readdirSync(join(ml.root, "input/data")).filter((name) => name.endsWith(".rows"))).toEqual([]);
  ml.write("input/config/inputdataconfig.json", channelsOf("File"));
  ml.write("input/data/train/rows.csv", csvOf(train)).write("input/data/validation/rows.csv", csvOf(validation));
  using filed = ml.start("train", { SAGEBRUSH_CPUS: "1" }, "linear-learner", program);
  expect(await filed.ended(), filed.output).toBe(0);
  expect(modelOf()).toEqual(model);
});

test("a disk that is full ends the job with what to do", async () => {
  ml.write("input/config/inputdataconfig.json", { train: channelsOf("Pipe").train });
  feed("train", rowsOf(4000, 1), 1);
  symlinkSync("/dev/full", join(ml.root, "input/data/.train_0.rows"));
  using run = ml.start("train", environment, "linear-learner", program);
  expect(await run.ended(), run.output).toBe(1);
  expect(ml.read("output/failure")).toMatch(
    /^No space left for train_0: in Pipe mode an epoch is copied to disk while it is read\. .*use File mode/,
  );
});
