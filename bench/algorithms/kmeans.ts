import { rmSync } from "node:fs";
import { join } from "node:path";
import { loadModel } from "../../packages/algorithms/src/kmeans/artifact.ts";
import { ReferenceProcess, referencePython } from "../support/reference-process.ts";
import { type Figure, median } from "../support/report.ts";
import type { AlgorithmBench } from "./algorithm-bench.ts";
import { runTraining } from "./training.ts";

const folder = join(import.meta.dirname, "kmeans-reference");
const width = 28;
/** How much worse a clustering may be and still count as equal. */
const equal = 1.01;

interface Round {
  readonly readers: Readonly<Record<string, { readonly millis: number }>>;
  readonly fits: Readonly<Record<string, { readonly millis: number; readonly msd: number }>>;
}

interface OwnRun {
  readonly wholeMillis: number;
  /** From the first row to the last, reading included. */
  readonly streamMillis: number;
  readonly msd: number;
}

/**
 * k-means against scikit-learn's KMeans and MiniBatchKMeans: ours is the whole program from spawning the process to its
 * exit with default settings, theirs reading by the faster reader and fitting in a warm Python. Mean squared distances of
 * both are over all rows, by the same code.
 */
export const kmeans: AlgorithmBench = {
  name: "kmeans",
  async measure({ work, repeats, rows }) {
    const reference = new ReferenceProcess(referencePython("kmeans", join(folder, "requirements.txt")), [
      join(folder, "reference.py"),
    ]);
    const path = join(work, "kmeans.csv");
    try {
      process.stderr.write(`kmeans: making ${rows} x ${width}\n`);
      await reference.ask({ do: "generate", rows, width, path });
      const figures: Figure[] = [];
      for (const k of [10, 100]) {
        const theirs: Round[] = [];
        const ours: OwnRun[] = [];
        for (let repeat = 0; repeat < repeats; repeat++) {
          ours.push(await train(work, path, k, reference));
          theirs.push(await reference.ask({ do: "round", path, k, estimators: ["KMeans", "MiniBatchKMeans"] }));
          process.stderr.write(`kmeans, k = ${k}: round ${repeat + 1} of ${repeats}\n`);
        }
        figures.push(...figuresOf(`kmeans, k = ${k}`, ours, theirs));
      }
      return figures;
    } finally {
      reference.close();
      rmSync(path, { force: true });
      rmSync(`${path}.npy`, { force: true });
    }
  },
};

async function train(work: string, file: string, k: number, reference: ReferenceProcess): Promise<OwnRun> {
  const hyperparameters = { k: String(k), feature_dim: String(width) };
  const { wholeMillis, log, modelDirectory } = runTraining(work, {
    algorithm: "kmeans",
    hyperparameters,
    file,
    contentType: "text/csv",
  });
  const model = await loadModel(modelDirectory);
  rmSync(join(modelDirectory, ".."), { recursive: true });
  const centres = Array.from({ length: k }, (_, c) => [...model.centres.subarray(c * width, (c + 1) * width)]);
  const { msd } = await reference.ask<{ msd: number }>({ do: "quality", path: file, centres });
  const streamed = /"epoch\.time": \{"sum": ([\d.e+]+)/.exec(log)?.[1];
  if (streamed === undefined) throw new Error("the training log has no epoch.time");
  return { wholeMillis, streamMillis: Number(streamed), msd };
}

function figuresOf(name: string, ours: readonly OwnRun[], theirs: readonly Round[]): Figure[] {
  const whole = median(ours.map((run) => run.wholeMillis));
  const msd = median(ours.map((run) => run.msd));
  const middle = (
    of: (round: Round) => Readonly<Record<string, unknown>>,
    pick: (round: Round, name: string) => number,
  ) =>
    Object.keys(of(theirs[0] as Round)).map((each) => ({
      name: each,
      value: median(theirs.map((round) => pick(round, each))),
    }));
  const readers = middle(
    ({ readers }) => readers,
    ({ readers }, each) => readers[each]?.millis ?? Number.NaN,
  );
  const fits = middle(
    ({ fits }) => fits,
    ({ fits }, each) => fits[each]?.millis ?? Number.NaN,
  );
  const qualities = middle(
    ({ fits }) => fits,
    ({ fits }, each) => fits[each]?.msd ?? Number.NaN,
  );
  const fastest = (all: readonly { name: string; value: number }[]) =>
    all.reduce((a, b) => (b.value < a.value ? b : a));
  const reader = fastest(readers);
  // An estimator whose clusters are worse than ours by more than the tolerance has not done the same work.
  const peers = fits.filter(
    ({ name: each }) => (qualities.find((of) => of.name === each)?.value ?? Infinity) <= msd * equal,
  );
  const rival = fastest(peers.length > 0 ? peers : fits);
  const best = fastest(qualities);
  return [
    {
      what: `${name}, file to saved model`,
      value: whole / (reader.value + rival.value),
      unit: "x",
      reference: `${rival.name} with the ${reader.name} reader${peers.length > 0 ? "" : ", whose clusters are worse"}`,
      must: "<= 1",
    },
    {
      what: `${name}, mean squared distance`,
      value: msd,
      unit: "",
      reference: `${best.name} ${best.value.toPrecision(6)}`,
      must: `<= ${(best.value * equal).toPrecision(6)}`,
    },
    { what: `${name}, whole process`, value: whole, unit: "ms" },
    { what: `${name}, streaming, reading included`, value: median(ours.map((run) => run.streamMillis)), unit: "ms" },
    ...readers.map(({ name: each, value }) => ({ what: `${name}, ${each} reader`, value, unit: "ms" })),
    ...fits.map(({ name: each, value }) => ({
      what: `${name}, ${each}, fit`,
      value,
      unit: "ms",
      reference: `mean squared distance ${qualities.find((of) => of.name === each)?.value.toPrecision(6)}`,
    })),
  ];
}
