import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { createJobLog } from "../../packages/algorithms/src/job/job-log.ts";
import { load } from "../../packages/algorithms/src/knn/predict.ts";
import { randomStream } from "../../packages/algorithms/src/numerics/random.ts";
import { findBlas } from "../../packages/server/src/images/host-blas.ts";
import { ReferenceProcess, referencePython } from "../support/reference-process.ts";
import { type Figure, median } from "../support/report.ts";
import type { AlgorithmBench, BenchOptions } from "./algorithm-bench.ts";
import { runTraining } from "./training.ts";

const folder = join(import.meta.dirname, "knn-reference");
const width = 64;
const k = 10;
const wantedRecall = 0.95;

interface Times {
  readonly millis: number;
}

interface Round {
  readonly readers: Readonly<Record<string, Times>>;
  readonly fit: Times;
  readonly search: Times;
  readonly vote: Times;
  readonly one: Times;
  readonly accuracy: number;
  readonly recall: number;
}

interface OwnRun {
  readonly wholeMillis: number;
  readonly searchMillis: number;
  readonly trainingMillis: number;
  readonly oneMillis: number;
  readonly accuracy: number;
  /** What computed large products. */
  readonly products: string;
}

interface Data {
  readonly path: string;
  readonly test: string;
}

interface Probes {
  readonly probes: number;
  readonly recall: number;
}

/**
 * k-nearest neighbours against FAISS: ours is the whole program from spawning the process to its exit, the model saved and the
 * test channel scored; theirs reads both files by the faster reader, builds and writes the index, searches it and votes
 * in a warm Python. Both sides of IVFFlat look into the fewest lists with which they find 95 % of the true neighbours;
 * FAISS itself opens our index and counts.
 */
export const knn: AlgorithmBench = {
  name: "knn",
  async measure(options) {
    const { work, rows: large } = options;
    const rows = Math.round(large / 10);
    const queries = Math.round(large / 100);
    const python = referencePython("knn", join(folder, "requirements.txt"));
    const library = findBlas("/", { VIRTUAL_ENV: dirname(dirname(python)) });
    const reference = new ReferenceProcess(python, [join(folder, "reference.py")]);
    const data = { path: join(work, "knn.csv"), test: join(work, "knn-test.csv") };
    try {
      process.stderr.write(`knn: making ${rows} + ${queries} x ${width}\n`);
      await reference.ask({ do: "generate", rows, queries, width, ...data });
      const lists = Math.floor(Math.sqrt(rows));
      const ours = await ownProbes(options, data, reference);
      const theirs = await reference.ask<Probes>({ do: "own_probes", ...data, k, wanted: wantedRecall, lists });
      const flat = { index: "faiss.Flat", lists, ours: 1, theirs: 1 };
      return [
        ...(await measureIndex(options, data, reference, { ...flat, name: "faiss.Flat", library })),
        ...(await measureIndex(options, data, reference, { ...flat, name: "faiss.Flat without a native BLAS" })),
        ...(await measureIndex(options, data, reference, {
          ...{ name: "faiss.IVFFlat", index: "faiss.IVFFlat", lists, ours: ours.probes, theirs: theirs.probes },
        })),
        {
          what: "knn, faiss.IVFFlat, recall of our index",
          value: ours.recall,
          unit: "",
          reference: `FAISS's own ${theirs.recall.toPrecision(4)}; lists looked into: ${ours.probes} and ${theirs.probes} of ${lists}`,
          must: `>= ${wantedRecall}`,
        },
      ];
    } finally {
      reference.close();
      for (const file of Object.values(data)) rmSync(file, { force: true });
    }
  },
};

async function ownProbes({ work }: BenchOptions, data: Data, reference: ReferenceProcess): Promise<Probes> {
  const { modelDirectory } = train(work, data, { index: "faiss.IVFFlat", ours: 1 });
  const model = join(modelDirectory, "model_algo-1");
  const found = await reference.ask<Probes>({ do: "probes", model, ...data, k, wanted: wantedRecall });
  rmSync(join(modelDirectory, ".."), { recursive: true });
  return found;
}

/** How ours is trained. */
interface Variant {
  readonly index: string;
  /** Lists that ours looks into. */
  readonly ours: number;
  /** What multiplies, where it is not our own kernel. */
  readonly library?: string | undefined;
}

interface Compared extends Variant {
  readonly name: string;
  readonly lists: number;
  /** Lists that theirs looks into. */
  readonly theirs: number;
}

async function measureIndex(
  { work, repeats }: BenchOptions,
  data: Data,
  reference: ReferenceProcess,
  compared: Compared,
): Promise<Figure[]> {
  const { name, index, lists, theirs: probes } = compared;
  const theirs: Round[] = [];
  const ours: OwnRun[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    const { modelDirectory, ...run } = train(work, data, compared);
    ours.push({ ...run, oneMillis: await oneMillis(modelDirectory) });
    rmSync(join(modelDirectory, ".."), { recursive: true });
    theirs.push(await reference.ask({ do: "round", ...data, kind: index, k, lists, probes }));
    process.stderr.write(`knn, ${name}: round ${repeat + 1} of ${repeats}\n`);
  }
  return figuresOf(`knn, ${name}`, ours, theirs);
}

function train(work: string, { path, test }: Data, { index, ours: probes, library }: Variant) {
  const { wholeMillis, log, modelDirectory } = runTraining(work, {
    algorithm: "knn",
    hyperparameters: {
      ...{ k: String(k), sample_size: "1000000", predictor_type: "classifier", index_type: index },
      _faiss_index_nprobe: String(probes),
    },
    file: path,
    testFile: test,
    contentType: "text/csv",
    ...(library === undefined ? {} : { library }),
  });
  const number = (pattern: RegExp) => {
    const found = pattern.exec(log)?.[1];
    if (found === undefined) throw new Error(`the training log has no ${pattern.source}:\n${log}`);
    return Number(found);
  };
  return {
    wholeMillis,
    modelDirectory,
    searchMillis: number(/searched in ([\d.]+) ms/),
    trainingMillis: number(/Index built in ([\d.]+) ms/),
    accuracy: number(/test accuracy <score>=(\S+)/),
    products: /Matrix products by (.*)\.$/m.exec(log)?.[1] ?? "?",
  };
}

/** Time for the answer to one row, in a loaded model. */
async function oneMillis(modelDirectory: string): Promise<number> {
  const predictor = await load(modelDirectory, {
    ...{ environment: {}, library: undefined, cpus: 1 },
    log: createJobLog({ host: "algo-1", title: "knn", write: () => undefined }),
  });
  const random = randomStream(1);
  const asked = Array.from({ length: 200 }, () => Float32Array.from({ length: width }, () => random.normal()));
  const started = performance.now();
  for (const values of asked) predictor.predict({ kind: "dense", count: 1, width, values });
  return (performance.now() - started) / asked.length;
}

function figuresOf(name: string, ours: readonly OwnRun[], theirs: readonly Round[]): Figure[] {
  const own = (pick: (run: OwnRun) => number) => median(ours.map(pick));
  const their = (pick: (round: Round) => number) => median(theirs.map(pick));
  const readers = Object.keys(theirs[0]?.readers ?? {}).map((reader) => ({
    name: reader,
    value: their(({ readers: each }) => each[reader]?.millis ?? Number.NaN),
  }));
  const reader = readers.reduce((a, b) => (b.value < a.value ? b : a));
  const work = their(({ fit }) => fit.millis) + their(({ search }) => search.millis) + their(({ vote }) => vote.millis);
  const recall = their((round) => round.recall).toPrecision(4);
  return [
    {
      what: `${name}, files to saved model and scored queries`,
      value: own((run) => run.wholeMillis) / (reader.value + work),
      unit: "x",
      reference: `FAISS with the ${reader.name} reader, recall ${recall}; ours multiplied with ${ours[0]?.products}`,
      must: "<= 1.3",
    },
    {
      what: `${name}, search alone`,
      value: own((run) => run.searchMillis) / their(({ search }) => search.millis),
      unit: "x",
      reference: `FAISS ${their(({ search }) => search.millis).toPrecision(4)} ms`,
    },
    {
      what: `${name}, accuracy`,
      value: own((run) => run.accuracy),
      unit: "",
      reference: `FAISS ${their((round) => round.accuracy)}`,
      must: `>= ${their((round) => round.accuracy) - 0.005}`,
    },
    { what: `${name}, whole process`, value: own((run) => run.wholeMillis), unit: "ms" },
    { what: `${name}, search`, value: own((run) => run.searchMillis), unit: "ms" },
    {
      what: `${name}, index`,
      value: own((run) => run.trainingMillis),
      unit: "ms",
      reference: `FAISS ${their(({ fit }) => fit.millis).toPrecision(4)} ms, written`,
    },
    {
      what: `${name}, one row, one thread`,
      value: own((run) => run.oneMillis),
      unit: "ms",
      reference: `FAISS ${their(({ one }) => one.millis).toPrecision(3)} ms`,
    },
    ...readers.map(({ name: each, value }) => ({ what: `${name}, ${each} reader, both files`, value, unit: "ms" })),
  ];
}
