import { rmSync } from "node:fs";
import { join } from "node:path";
import { load } from "../../packages/algorithms/src/randomcutforest/predict.ts";
import { ReferenceProcess, referencePython } from "../support/reference-process.ts";
import { type Figure, median } from "../support/report.ts";
import type { AlgorithmBench } from "./algorithm-bench.ts";
import { runTraining } from "./training.ts";

const folder = join(import.meta.dirname, "randomcutforest-reference");
const width = 10;
const trees = 100;
const samples = 256;
/** Rows that AWS's library streams, from which the time of all follows. */
const streamed = 20_000;

interface Round {
  readonly readers: Readonly<Record<string, { readonly millis: number }>>;
  readonly fits: Readonly<Record<string, { readonly millis: number; readonly auc: number }>>;
}

interface OwnRun {
  readonly wholeMillis: number;
  readonly fitMillis: number;
  /** From the first row to the last, reading included. */
  readonly sampleMillis: number;
  readonly auc: number;
  readonly scoreMicros: number;
}

/**
 * Random cut forests against scikit-learn's IsolationForest and AWS's own library (krcf): ours is the whole program from
 * spawning the process to its exit, theirs reading by the faster reader and growing the forest in a warm Python. The quality
 * is the area under the curve of held-out rows, some of which are planted.
 */
export const randomCutForest: AlgorithmBench = {
  name: "randomcutforest",
  async measure({ work, repeats, rows }) {
    const reference = new ReferenceProcess(referencePython("randomcutforest", join(folder, "requirements.txt")), [
      join(folder, "reference.py"),
    ]);
    const path = join(work, "randomcutforest.csv");
    try {
      process.stderr.write(`randomcutforest: making ${rows} x ${width}\n`);
      const { held } = await reference.ask<{ held: number[][] }>({ do: "generate", rows, width, path });
      const theirs: Round[] = [];
      const ours: OwnRun[] = [];
      for (let repeat = 0; repeat < repeats; repeat++) {
        ours.push(await train(work, path, held, reference));
        theirs.push(await reference.ask({ do: "round", path, trees, samples, streamed }));
        process.stderr.write(`randomcutforest: round ${repeat + 1} of ${repeats}\n`);
      }
      return figuresOf(ours, theirs);
    } finally {
      reference.close();
      rmSync(path, { force: true });
      rmSync(`${path}.npz`, { force: true });
    }
  },
};

async function train(
  work: string,
  file: string,
  held: readonly number[][],
  reference: ReferenceProcess,
): Promise<OwnRun> {
  const hyperparameters = {
    feature_dim: String(width),
    num_trees: String(trees),
    num_samples_per_tree: String(samples),
  };
  const { wholeMillis, fitMillis, log, modelDirectory } = runTraining(work, {
    algorithm: "randomcutforest",
    hyperparameters,
    file,
    contentType: "text/csv;label_size=0",
  });
  const predictor = await load(modelDirectory);
  rmSync(join(modelDirectory, ".."), { recursive: true });
  const values = Float32Array.from(held.flat());
  const startedAt = performance.now();
  const { columns } = predictor.predict({ kind: "dense", count: held.length, width, values });
  const scoreMicros = ((performance.now() - startedAt) * 1000) / held.length;
  const scores = [...(columns[0]?.values ?? [])];
  const { auc } = await reference.ask<{ auc: number }>({ do: "quality", path: file, scores });
  const sampled = /"update\.time": \{"sum": ([\d.e+]+)/.exec(log)?.[1];
  if (sampled === undefined) throw new Error("the training log has no update.time");
  return { wholeMillis, fitMillis, sampleMillis: Number(sampled), auc, scoreMicros };
}

function figuresOf(ours: readonly OwnRun[], theirs: readonly Round[]): Figure[] {
  const whole = median(ours.map((run) => run.wholeMillis));
  const fit = median(ours.map((run) => run.fitMillis));
  const auc = median(ours.map((run) => run.auc));
  const names = (of: (round: Round) => object) => Object.keys(of(theirs[0] as Round));
  const readers = names(({ readers: all }) => all).map((name) => ({
    name,
    millis: median(theirs.map((round) => round.readers[name]?.millis ?? Number.NaN)),
  }));
  const fits = names(({ fits: all }) => all).map((name) => ({
    name,
    millis: median(theirs.map((round) => round.fits[name]?.millis ?? Number.NaN)),
    auc: median(theirs.map((round) => round.fits[name]?.auc ?? Number.NaN)),
  }));
  const fastest = <T extends { readonly millis: number }>(all: readonly T[]) =>
    all.reduce((a, b) => (b.millis < a.millis ? b : a));
  const reader = fastest(readers);
  const rival = fastest(fits);
  return [
    {
      what: "randomcutforest, file to saved model",
      value: whole / (reader.millis + rival.millis),
      unit: "x",
      reference: `${rival.name} with the ${reader.name} reader`,
      must: "<= 1",
    },
    { what: "randomcutforest, fit alone", value: fit / rival.millis, unit: "x", reference: rival.name, must: "<= 1.5" },
    {
      what: "randomcutforest, area under the curve of held-out rows",
      value: auc,
      unit: "",
      reference: `${rival.name} ${rival.auc.toPrecision(4)}`,
      must: `>= ${rival.auc.toPrecision(4)}`,
    },
    { what: "randomcutforest, whole process", value: whole, unit: "ms" },
    { what: "randomcutforest, fit", value: fit, unit: "ms" },
    {
      what: "randomcutforest, sampling, reading included",
      value: median(ours.map((run) => run.sampleMillis)),
      unit: "ms",
    },
    { what: "randomcutforest, scoring a row of many", value: median(ours.map((run) => run.scoreMicros)), unit: "us" },
    ...readers.map(({ name, millis }) => ({ what: `randomcutforest, ${name} reader`, value: millis, unit: "ms" })),
    ...fits.map(({ name, millis, auc: quality }) => ({
      what: `randomcutforest, ${name}, fit${name === "krcf" ? `, from ${streamed} rows` : ""}`,
      value: millis,
      unit: "ms",
      reference: `area under the curve ${quality.toPrecision(4)}`,
    })),
  ];
}
