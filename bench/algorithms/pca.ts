import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { loadModel, type PcaModel } from "../../packages/algorithms/src/pca/artifact.ts";
import { findBlas } from "../../packages/server/src/images/host-blas.ts";
import { ReferenceProcess, referencePython } from "../support/reference-process.ts";
import { type Figure, median } from "../support/report.ts";
import type { AlgorithmBench } from "./algorithm-bench.ts";
import { runTraining } from "./training.ts";

const folder = join(import.meta.dirname, "pca-reference");
const count = 10;
/** What share of the explained variance may be missing for components to count as equal. */
const equal = 0.999;

interface Round {
  readonly readers: Readonly<Record<string, { readonly millis: number }>>;
  readonly fits: Readonly<Record<string, { readonly millis: number; readonly explained: number }>>;
}

interface OwnRun {
  readonly wholeMillis: number;
  readonly fitMillis: number;
  /** Products by which library. */
  readonly products: string;
  readonly explained: number;
}

interface Variant {
  readonly name: string;
  readonly mode: "regular" | "randomized";
  /** Whether the host's BLAS is used where there is one. */
  readonly isNative: boolean;
}

const tasks: readonly { readonly width: number; readonly share: number; readonly variants: readonly Variant[] }[] = [
  { width: 28, share: 1, variants: [{ name: "regular", mode: "regular", isNative: true }] },
  {
    width: 2000,
    share: 0.02,
    variants: [
      { name: "regular", mode: "regular", isNative: true },
      { name: "regular without a native BLAS", mode: "regular", isNative: false },
      { name: "randomized", mode: "randomized", isNative: true },
    ],
  },
];

/**
 * PCA against scikit-learn's, with the full solver and the randomized one: ours is the whole program from spawning the
 * process to its exit, theirs reading by the faster reader and fitting in a warm Python. The explained variance of both is
 * over all rows, by the same code. Our products are the system's OpenBLAS's or that inside the reference's SciPy wheel.
 */
export const pca: AlgorithmBench = {
  name: "pca",
  async measure({ work, repeats, rows }) {
    const python = referencePython("pca", join(folder, "requirements.txt"));
    const library = findBlas("/", { VIRTUAL_ENV: dirname(dirname(python)) });
    const reference = new ReferenceProcess(python, [join(folder, "reference.py")]);
    const path = join(work, "pca.csv");
    try {
      const figures: Figure[] = [];
      for (const { width, share, variants } of tasks) {
        const size = Math.round(rows * share);
        process.stderr.write(`pca: making ${size} x ${width}\n`);
        await reference.ask({ do: "generate", rows: size, width, path });
        const ours = new Map<Variant, OwnRun[]>(variants.map((variant) => [variant, []]));
        const theirs: Round[] = [];
        for (let repeat = 0; repeat < repeats; repeat++) {
          for (const [variant, runs] of ours) {
            runs.push(await train(work, path, { width, variant, library }, reference));
          }
          theirs.push(await reference.ask({ do: "round", path, count, solvers: ["auto", "full", "randomized"] }));
          process.stderr.write(`pca, ${size} x ${width}: round ${repeat + 1} of ${repeats}\n`);
        }
        figures.push(...figuresOf(`pca, ${size} x ${width}`, ours, theirs));
      }
      return figures;
    } finally {
      reference.close();
      rmSync(path, { force: true });
      rmSync(`${path}.npy`, { force: true });
    }
  },
};

async function train(
  work: string,
  file: string,
  { width, variant, library }: { width: number; variant: Variant; library: string | undefined },
  reference: ReferenceProcess,
): Promise<OwnRun> {
  const { wholeMillis, fitMillis, log, modelDirectory } = runTraining(work, {
    algorithm: "pca",
    hyperparameters: {
      feature_dim: String(width),
      num_components: String(count),
      mini_batch_size: "500",
      algorithm_mode: variant.mode,
    },
    file,
    contentType: "text/csv;label_size=0",
    ...(variant.isNative && library !== undefined ? { library } : {}),
  });
  const components = rowsOf(await loadModel(modelDirectory));
  rmSync(join(modelDirectory, ".."), { recursive: true });
  const { explained } = await reference.ask<{ explained: number }>({ do: "quality", path: file, components });
  const products = /Matrix products by (.+)\./.exec(log)?.[1];
  if (products === undefined) throw new Error("the training log does not say what multiplies");
  return { wholeMillis, fitMillis, products, explained };
}

function rowsOf({ width, count, v }: PcaModel): number[][] {
  return Array.from({ length: count }, (_, c) => Array.from({ length: width }, (_, j) => v[j * count + c] as number));
}

function figuresOf(name: string, ours: ReadonlyMap<Variant, readonly OwnRun[]>, theirs: readonly Round[]): Figure[] {
  const [first] = theirs as [Round];
  const readers = Object.keys(first.readers).map((each) => ({
    name: each,
    millis: median(theirs.map(({ readers }) => readers[each]?.millis ?? Number.NaN)),
  }));
  const fits = Object.entries(first.fits).map(([each, { explained }]) => ({
    name: each,
    millis: median(theirs.map(({ fits }) => fits[each]?.millis ?? Number.NaN)),
    explained,
  }));
  const fastest = <T extends { readonly millis: number }>(all: readonly T[]) =>
    all.reduce((a, b) => (b.millis < a.millis ? b : a));
  const reader = fastest(readers);
  const own = [...ours].flatMap(([variant, runs]) => {
    const whole = median(runs.map(({ wholeMillis }) => wholeMillis));
    const fit = median(runs.map(({ fitMillis }) => fitMillis));
    const { explained, products } = runs[0] as OwnRun;
    // A solver whose components are worse than ours by more than the tolerance has not done the same work.
    const rival = fastest(fits.filter((fit) => fit.explained >= explained * equal));
    const best = Math.max(...fits.map((fit) => fit.explained));
    return [
      {
        what: `${name}, ${variant.name}, file to saved model`,
        value: whole / (reader.millis + rival.millis),
        unit: "x",
        reference: `${rival.name} solver with the ${reader.name} reader; ours by ${products}`,
        must: "<= 1",
      },
      {
        what: `${name}, ${variant.name}, fit alone`,
        value: fit / rival.millis,
        unit: "x",
        reference: `${rival.name} solver`,
        must: "<= 1.5",
      },
      {
        what: `${name}, ${variant.name}, explained variance`,
        value: explained,
        unit: "",
        reference: `the best, ${best.toPrecision(6)}`,
        must: `>= ${(best * equal).toPrecision(6)}`,
      },
      { what: `${name}, ${variant.name}, whole process`, value: whole, unit: "ms" },
      { what: `${name}, ${variant.name}, fit`, value: fit, unit: "ms" },
    ];
  });
  return [
    ...own,
    ...readers.map((each) => ({ what: `${name}, ${each.name} reader`, value: each.millis, unit: "ms" })),
    ...fits.map((each) => ({
      what: `${name}, ${each.name} solver, fit`,
      value: each.millis,
      unit: "ms",
      reference: `explained variance ${each.explained.toPrecision(6)}`,
    })),
  ];
}
