import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "../packages/algorithms/src/linear-learner/predict.ts";
import { ReferenceProcess, referencePython } from "./support/reference-process.ts";
import { type Figure, median, report } from "./support/report.ts";

/**
 * The linear learner against scikit-learn on 1,000,000 x 28 CSV, reading the file included.
 *
 * Ours is the whole training program as a job runs it, from spawning the process to its exit, with the algorithm's
 * default settings except num_models. Theirs is reading plus fitting inside a warm Python, imports not counted. Quality
 * is measured on 200,000 held-out rows. `-- --rounds 3 --rows 100000` make it smaller.
 */
const options = readOptions(process.argv.slice(2));
const WIDTH = 28;
const root = join(import.meta.dirname, "..");
const program = join(root, "packages/algorithms/.build/sagebrush-algorithm.mjs");
const folder = join(import.meta.dirname, "linear-learner-reference");

interface Task {
  readonly name: "binary_classifier" | "regressor";
  readonly measure: string;
  /** Whether `ours` is as good as `theirs` up to a tenth of a percent. */
  isEqual(ours: number, theirs: number): boolean;
}

const tasks: readonly Task[] = [
  { name: "binary_classifier", measure: "accuracy", isEqual: (ours, theirs) => ours >= theirs - 0.001 },
  { name: "regressor", measure: "mean squared error", isEqual: (ours, theirs) => ours <= theirs * 1.001 },
];

interface ReferenceRound {
  readonly readers: Readonly<Record<string, number>>;
  readonly fits: Readonly<Record<string, { readonly millis: number; readonly quality: number }>>;
}

interface OwnRun {
  readonly wholeMillis: number;
  /** From the end of reading to the model. */
  readonly fitMillis: number;
  readonly quality: number;
}

const work = mkdtempSync(join(tmpdir(), "sagebrush-linear-learner-"));
const reference = new ReferenceProcess(referencePython("linear-learner", join(folder, "requirements.txt")), [
  join(folder, "reference.py"),
]);
try {
  const figures: Figure[] = [];
  for (const task of tasks) figures.push(...(await measure(task)));
  report("linear-learner", figures);
} finally {
  reference.close();
  rmSync(work, { recursive: true, force: true });
}

async function measure(task: Task): Promise<Figure[]> {
  const path = join(work, `${task.name}.csv`);
  const heldOut = join(work, `${task.name}.f32`);
  process.stderr.write(`${task.name}: making ${options.rows} x ${WIDTH} CSV\n`);
  await reference.ask({ do: "generate", task: task.name, rows: options.rows, width: WIDTH, path, held_out: heldOut });
  const theirs: ReferenceRound[] = [];
  const one: OwnRun[] = [];
  const many: OwnRun[] = [];
  for (let round = 0; round < options.rounds; round++) {
    one.push(await train(task, path, heldOut, 1));
    theirs.push(await reference.ask({ do: "round", task: task.name, path, held_out: heldOut, width: WIDTH }));
    many.push(await train(task, path, heldOut, 32));
    process.stderr.write(`${task.name}: round ${round + 1} of ${options.rounds}\n`);
  }
  rmSync(path);
  return compare(task, theirs, one, many);
}

function compare(task: Task, theirs: ReferenceRound[], one: OwnRun[], many: OwnRun[]): Figure[] {
  const middle = (runs: OwnRun[], pick: (run: OwnRun) => number) => median(runs.map(pick));
  const readers = byName(theirs.map((round) => round.readers));
  const fits = byName(theirs.map((round) => mapValues(round.fits, (fit) => fit.millis)));
  const qualities = byName(theirs.map((round) => mapValues(round.fits, (fit) => fit.quality)));
  const reader = smallest(readers);
  const quality = middle(one, (run) => run.quality);
  // A reference that is worse than ours by more than the tolerance has not done the same work.
  const peers = Object.fromEntries(
    Object.entries(fits).filter(([name]) => task.isEqual(qualities[name] as number, quality)),
  );
  const rival = smallest(Object.keys(peers).length > 0 ? peers : fits);
  const rivalMillis = reader.value + rival.value;
  const whole = middle(one, (run) => run.wholeMillis);
  const wholeMany = middle(many, (run) => run.wholeMillis);
  const fit = middle(one, (run) => run.fitMillis);
  const fitMany = middle(many, (run) => run.fitMillis);
  const name = task.name;
  const best = Math[task.name === "regressor" ? "min" : "max"](...Object.values(qualities));
  return [
    {
      what: `${name}, 1 model, file to saved model, over the fastest reference`,
      value: whole / rivalMillis,
      unit: "x",
      reference: `${rival.name} with the ${reader.name} reader`,
      must: "<= 1",
    },
    { what: `${name}, 32 models, fit over the fit of 1`, value: fitMany / fit, unit: "x", must: "<= 6" },
    { what: `${name}, 32 models, file to saved model over 1`, value: wholeMany / whole, unit: "x" },
    {
      what: `${name}, ${task.measure} on held-out rows`,
      value: quality,
      unit: "",
      reference: `best of scikit-learn ${best.toPrecision(6)}`,
      must: `${task.name === "regressor" ? "<=" : ">="} ${(task.name === "regressor" ? best * 1.001 : best - 0.001).toPrecision(6)}`,
    },
    { what: `${name}, ${task.measure}, best of 32 models`, value: middle(many, (run) => run.quality), unit: "" },
    { what: `${name}, 1 model, whole process`, value: whole, unit: "ms" },
    { what: `${name}, 1 model, after reading`, value: fit, unit: "ms" },
    { what: `${name}, 32 models, whole process`, value: wholeMany, unit: "ms" },
    { what: `${name}, 32 models, after reading`, value: fitMany, unit: "ms" },
    ...Object.entries(readers).map(([who, value]) => ({ what: `${name}, ${who} reader`, value, unit: "ms" })),
    ...Object.entries(fits).map(([who, value]) => ({
      what: `${name}, ${who} fit`,
      value,
      unit: "ms",
      reference: `${task.measure} ${(qualities[who] as number).toPrecision(6)}`,
    })),
  ];
}

/** Runs the training program on the file as its train channel, and measures the model that it leaves. */
async function train(task: Task, path: string, heldOut: string, models: number): Promise<OwnRun> {
  const ml = mkdtempSync(join(work, "ml-"));
  const config = join(ml, "input/config");
  const channel = join(ml, "input/data/train");
  for (const directory of [config, channel]) mkdirSync(directory, { recursive: true });
  symlinkSync(path, join(channel, "rows.csv"));
  const write = (name: string, value: unknown) => writeFileSync(join(config, name), JSON.stringify(value));
  write("hyperparameters.json", { predictor_type: task.name, num_models: String(models) });
  write("inputdataconfig.json", { train: { ContentType: "text/csv", TrainingInputMode: "File" } });
  write("resourceconfig.json", { current_host: "algo-1", hosts: ["algo-1"] });
  const started = performance.now();
  const result = spawnSync(process.execPath, [program, "train", "linear-learner"], {
    env: { ...process.env, SAGEBRUSH_ML_ROOT: ml },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const wholeMillis = performance.now() - started;
  if (result.status !== 0) throw new Error(`training failed:\n${result.stdout}\n${result.stderr}`);
  const quality = await qualityOf(task, join(ml, "model"), heldOut);
  rmSync(ml, { recursive: true });
  return { wholeMillis, fitMillis: fitMillis(result.stdout), quality };
}

/** The `setup` metrics line carries the time of the fit proper. */
function fitMillis(log: string): number {
  const match = /"fit\.time": \{"sum": ([\d.e+]+)/.exec(log);
  if (match === null) throw new Error("the training log has no fit.time");
  return Number(match[1]);
}

async function qualityOf(task: Task, model: string, heldOut: string): Promise<number> {
  const predictor = await load(model);
  const bytes = readFileSync(heldOut);
  const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const count = data.length / (WIDTH + 1);
  const values = new Float32Array(count * WIDTH);
  for (let i = 0; i < count; i++) values.set(data.subarray(i * (WIDTH + 1) + 1, (i + 1) * (WIDTH + 1)), i * WIDTH);
  const { columns } = predictor.predict({ kind: "dense", count, width: WIDTH, values });
  const answers = columns[columns.length - 1]?.values ?? [];
  let total = 0;
  for (let i = 0; i < count; i++) {
    const label = data[i * (WIDTH + 1)] as number;
    const answer = answers[i] as number;
    total += task.name === "regressor" ? (answer - label) ** 2 : Number(answer === label);
  }
  return total / count;
}

function byName(rounds: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(rounds.map((round) => round[name] as number))]));
}

function mapValues<V>(record: Readonly<Record<string, V>>, map: (value: V) => number): Record<string, number> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}

function smallest(record: Readonly<Record<string, number>>): { name: string; value: number } {
  const [name, value] = Object.entries(record).reduce((a, b) => (b[1] < a[1] ? b : a));
  return { name, value };
}

function readOptions(args: readonly string[]): { rounds: number; rows: number } {
  const value = (name: string, otherwise: number) => {
    const at = args.indexOf(name);
    return at < 0 ? otherwise : Number(args[at + 1]);
  };
  return { rounds: value("--rounds", 5), rows: value("--rows", 1_000_000) };
}
