import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeRecordFrames } from "../formats/recordio-protobuf/encode.ts";
import { linearLearnerDefinition } from "../linear-learner/definition.ts";
import { openChannels } from "./open-channels.ts";
import { MlSandbox } from "./testkit/run-program.ts";

let ml: MlSandbox;
const writers: { kill(): void }[] = [];
beforeEach(() => {
  ml = new MlSandbox();
  mkdirSync(join(ml.root, "input/data"), { recursive: true });
});
afterEach(() => {
  for (const writer of writers.splice(0)) writer.kill();
  ml[Symbol.dispose]();
});

const fifoOf = (name: string) => join(ml.root, "input/data", name);

/** Makes a FIFO and streams bytes into it, as the platform does. */
function feed(name: string, bytes: string | Uint8Array): void {
  execFileSync("mkfifo", [fifoOf(name)]);
  const source = join(ml.root, `source-of-${name}`);
  writeFileSync(source, bytes);
  // In a process of its own: one that waits for a reader would hold a thread of ours.
  writers.push(spawn("sh", ["-c", 'exec cat "$1" > "$2"', "sh", source, fifoOf(name)], { stdio: "ignore" }));
}

const options = { labelWidth: 1, defaultContentType: "text/csv" };

function channel(config: object = {}, signal = new AbortController().signal) {
  const resources = { dataDirectory: join(ml.root, "input/data"), cpus: 2, memoryBytes: undefined, signal };
  const opened = openChannels(linearLearnerDefinition, { train: { TrainingInputMode: "Pipe", ...config } }, resources);
  return opened.get("train") as NonNullable<ReturnType<typeof opened.get>>;
}

test("each read takes the next epoch, which may come later, and leaves nothing behind", async () => {
  feed("train_0", "1,2\n3,4\n");
  const train = channel({ ContentType: "text/csv" });
  expect([...(await train.read(options)).labels]).toEqual([1, 3]);
  rmSync(fifoOf("train_0"));
  const second = train.read(options);
  feed("train_1", "5,6\n");
  expect([...(await second).labels]).toEqual([5]);
  expect(readdirSync(join(ml.root, "input/data"))).toEqual(["train_1"]);
});

test("a stream of more than a pipe holds is read by several threads", async () => {
  feed("train_0", "7,1,2\n3,-1,1\n".repeat(800_000));
  const { features, labels } = await channel().read(options);
  expect([features.count, features.width]).toEqual([1_600_000, 2]);
  expect([labels[0], labels[1_599_999]]).toEqual([7, 3]);
});

test("each pass over a stream takes the next epoch, and leaves nothing behind", async () => {
  const stream = channel({ ContentType: "text/csv" }).stream({ ...options, isDense: true });
  const pass = async () => {
    const labels: number[] = [];
    for await (const block of stream) labels.push(...block.labels);
    return labels;
  };
  for (const [epoch, rows] of ["1,2\n3,4\n", "5,6\n7,8\n", "9,10\nx,12\n"].entries()) feed(`train_${epoch}`, rows);
  expect([await pass(), await pass()]).toEqual([
    [1, 3],
    [5, 7],
  ]);
  await expect(pass()).rejects.toThrow("train_2, line 2: value 1 is not a number: 'x'");
  expect(readdirSync(join(ml.root, "input/data")).sort()).toEqual(["train_0", "train_1", "train_2"]);
});

test("records need no content type", async () => {
  const record = (label: number, values: readonly number[]) => ({
    features: new Map([["values", { type: "float32" as const, values }]]),
    label: new Map([["values", { type: "float32" as const, values: [label] }]]),
  });
  feed("train_0", encodeRecordFrames([record(0, [1, 2]), record(1, [3, 4])]));
  const { features, labels } = await channel().read(options);
  expect([...labels]).toEqual([0, 1]);
  expect(features.values).toEqual(Float32Array.of(1, 2, 3, 4));
});

test("a fault is told with the epoch and the line", async () => {
  feed("train_0", "1,2\n3,four\n");
  await expect(channel().read(options)).rejects.toThrow(/^train_0, line 2: value 2 is not a number/);
});

test("an epoch without rows is refused", async () => {
  feed("train_0", "");
  await expect(channel().read(options)).rejects.toThrow(/no rows/);
});

test.for([
  ["while there is no FIFO", () => {}],
  [
    "while no data comes",
    () => {
      execFileSync("mkfifo", [fifoOf("train_0")]);
      writers.push(spawn("sh", ["-c", 'exec sleep 60 > "$1"', "sh", fifoOf("train_0")], { stdio: "ignore" }));
    },
  ],
] as const)("a run that is stopped %s ends", async ([, prepare]) => {
  prepare();
  ml.write("input/config/inputdataconfig.json", { train: { TrainingInputMode: "Pipe", ContentType: "text/csv" } });
  using program = ml.start("train");
  await program.printed("Final configuration");
  program.signal("SIGTERM");
  expect(await program.ended()).toBe(0);
  expect(program.output).toContain("Stopped before there was a model.");
  expect(existsSync(join(ml.root, "input/data/.train_0.rows"))).toBe(false);
});
