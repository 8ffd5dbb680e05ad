import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ReferenceProcess, referencePython } from "../support/reference-process.ts";
import { type Figure, median } from "../support/report.ts";
import type { AlgorithmBench } from "./algorithm-bench.ts";
import { runTraining } from "./training.ts";

const root = join(import.meta.dirname, "..", "..");
const folder = join(import.meta.dirname, "xgboost-reference");
const parameters = { objective: "binary:logistic", max_depth: 6, tree_method: "hist" };
const rounds = 100;

interface Round {
  readonly readers: Readonly<Record<string, number>>;
  readonly fits: Readonly<Record<string, number>>;
}

interface Task {
  readonly name: string;
  readonly data: "synthetic" | "flights";
  readonly formats: readonly ("csv" | "parquet")[];
}

const tasks: readonly Task[] = [
  { name: "1M x 28", data: "synthetic", formats: ["csv"] },
  { name: "flights 3M", data: "flights", formats: ["csv", "parquet"] },
];

/**
 * XGBoost against Python's xgboost of the same version and library: ours is the whole program from spawning the process to
 * its exit, theirs reading by the fastest reader, the faster kind of matrix, training and saving, in a warm Python.
 */
export const xgboost: AlgorithmBench = {
  name: "xgboost",
  async measure({ work, repeats, rows }) {
    const python = referencePython("xgboost", join(folder, "requirements.txt"));
    const library = libraryOf(python);
    const reference = new ReferenceProcess(python, [join(folder, "reference.py")]);
    try {
      const figures: Figure[] = [];
      for (const task of tasks) {
        const path = join(work, task.data);
        const source = join(root, "node_modules/vega-datasets/data/flights-3m.parquet");
        process.stderr.write(`xgboost: making ${task.name}\n`);
        await reference.ask({ do: "generate", data: task.data, rows, path, source });
        for (const format of task.formats) {
          figures.push(...(await compare(task, format, { path, work, repeats, library, reference })));
        }
        for (const ending of ["csv", "parquet", "npz"]) rmSync(`${path}.${ending}`);
      }
      return figures;
    } finally {
      reference.close();
    }
  },
};

interface Comparison {
  readonly path: string;
  readonly work: string;
  readonly repeats: number;
  readonly library: string;
  readonly reference: ReferenceProcess;
}

async function compare(task: Task, format: "csv" | "parquet", { path, work, repeats, library, reference }: Comparison) {
  const theirs: Round[] = [];
  const ours: { whole: number; fit: number }[] = [];
  const model = join(work, "reference.ubj");
  const file = `${path}.${format}`;
  let quality = { ours: Number.NaN, theirs: Number.NaN };
  for (let repeat = 0; repeat < repeats; repeat++) {
    theirs.push(await reference.ask({ do: "round", path: file, format, parameters, rounds, model }));
    const run = runTraining(work, {
      algorithm: "xgboost",
      hyperparameters: { ...asTexts(parameters), num_round: String(rounds) },
      file,
      contentType: format === "csv" ? "text/csv" : "application/x-parquet",
      library,
    });
    ours.push({ whole: run.wholeMillis, fit: fitMillis(run.log) });
    const ofModel = (each: string) => reference.ask<{ logloss: number }>({ do: "quality", path, model: each });
    const [mine, other] = [await ofModel(join(run.modelDirectory, "xgboost-model")), await ofModel(model)];
    quality = { ours: mine.logloss, theirs: other.logloss };
    rmSync(join(run.modelDirectory, ".."), { recursive: true });
    process.stderr.write(`xgboost, ${task.name}, ${format}: round ${repeat + 1} of ${repeats}\n`);
  }
  return figuresOf(`xgboost, ${task.name}, ${format}`, ours, theirs, quality);
}

function figuresOf(
  name: string,
  ours: readonly { whole: number; fit: number }[],
  theirs: readonly Round[],
  quality: { ours: number; theirs: number },
): Figure[] {
  const reader = fastest(theirs.map(({ readers }) => readers));
  const fit = fastest(theirs.map(({ fits }) => fits));
  const whole = median(ours.map((run) => run.whole));
  const ownFit = median(ours.map((run) => run.fit));
  return [
    {
      what: `${name}, file to saved model`,
      value: whole / (reader.value + fit.value),
      unit: "x",
      reference: `Python xgboost 3.0.5, ${reader.name} reader, ${fit.name}`,
      must: "<= 1.05",
    },
    { what: `${name}, fit alone`, value: ownFit / fit.value, unit: "x", must: "<= 1.5" },
    {
      what: `${name}, log loss on held-out rows`,
      value: quality.ours,
      unit: "",
      reference: quality.theirs.toPrecision(6),
      must: `<= ${(quality.theirs * 1.001).toPrecision(6)}`,
    },
    { what: `${name}, whole process`, value: whole, unit: "ms" },
    { what: `${name}, after reading`, value: ownFit, unit: "ms" },
    { what: `${name}, ${reader.name} reader`, value: reader.value, unit: "ms" },
    { what: `${name}, ${fit.name}, fit`, value: fit.value, unit: "ms" },
  ];
}

function fastest(rounds: readonly Readonly<Record<string, number>>[]): { name: string; value: number } {
  const names = Object.keys(rounds[0] ?? {});
  const all = names.map((name) => ({ name, value: median(rounds.map((round) => round[name] as number)) }));
  return all.reduce((a, b) => (b.value < a.value ? b : a));
}

function fitMillis(log: string): number {
  const match = /"fit\.time": \{"sum": ([\d.e+]+)/.exec(log);
  if (match === null) throw new Error("the training log has no fit.time");
  return Number(match[1]);
}

function asTexts(values: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}

/** The very library that the reference runs on. */
function libraryOf(python: string): string {
  const lib = join(python, "../../lib");
  const minor = readdirSync(lib).find((name) => name.startsWith("python3"));
  return join(lib, minor ?? "", "site-packages/xgboost/lib/libxgboost.so");
}
