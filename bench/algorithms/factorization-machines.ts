import { readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ReferenceProcess, referencePython } from "../support/reference-process.ts";
import { type Figure, median } from "../support/report.ts";
import type { AlgorithmBench } from "./algorithm-bench.ts";
import { runTraining } from "./training.ts";

const folder = join(import.meta.dirname, "factorization-machines-reference");
const width = 100_000;
const factors = 8;
/** How much worse a cross entropy may be and still count as equal. */
const equal = 1.002;

/** Each side at what gave it the best held-out loss among a dozen settings, of up to four epochs. */
const own = {
  predictor_type: "binary_classifier",
  feature_dim: String(width),
  num_factors: String(factors),
  epochs: "1",
  mini_batch_size: "2000",
  bias_lr: "0.01",
  linear_lr: "0.003",
  linear_wd: "0.00005",
  linear_init_sigma: "0",
  factors_lr: "0.005",
  factors_wd: "0.00005",
  factors_init_sigma: "0.03",
};
const given = {
  AdaGrad: { epochs: 2, rate: 0.05, decay: 0.003, sigma: 0.05 },
  myFM: { iterations: 20, kept: 10 },
};

/** Gibbs sampling takes ten minutes for more: then it is left out. */
const mostSampled = 200_000;

interface Round {
  readonly readers: Readonly<Record<string, { readonly millis: number }>>;
  readonly fits: Readonly<Record<string, { readonly millis: number; readonly loss: number }>>;
}

interface OwnRun {
  readonly wholeMillis: number;
  /** All epochs, reading included. */
  readonly epochsMillis: number;
  readonly loss: number;
}

/**
 * Factorization machines against AdaGrad compiled by Numba and against myFM: ours is the whole program from spawning the
 * process to its exit, over the RecordIO file that the SDK writes; theirs reading by the faster reader, fitting and saving
 * in a warm Python. Losses of both are over 100,000 further rows, by the same code.
 */
export const factorizationMachines: AlgorithmBench = {
  name: "factorization-machines",
  async measure({ work, repeats, rows }) {
    const python = referencePython("factorization-machines", join(folder, "requirements.txt"));
    const reference = new ReferenceProcess(python, [join(folder, "reference.py")]);
    const path = join(work, "clicks");
    try {
      process.stderr.write(`factorization-machines: making ${rows} rows of ${width} columns\n`);
      const { best } = await reference.ask<{ best: number }>({ do: "generate", rows, width, path });
      const theirs: Round[] = [];
      const ours: OwnRun[] = [];
      for (let repeat = 0; repeat < repeats; repeat++) {
        ours.push(await train(work, path, reference));
        const isLast = repeat === repeats - 1;
        const estimators = isLast && rows <= mostSampled ? ["AdaGrad", "myFM"] : ["AdaGrad"];
        theirs.push(await reference.ask({ do: "round", path, width, k: factors, given, estimators }));
        process.stderr.write(`factorization-machines: round ${repeat + 1} of ${repeats}\n`);
      }
      return figuresOf(ours, theirs, best);
    } finally {
      reference.close();
      const made = readdirSync(dirname(path)).filter((name) => name.startsWith(basename(path)));
      for (const name of made) rmSync(join(dirname(path), name));
    }
  },
};

async function train(work: string, path: string, reference: ReferenceProcess): Promise<OwnRun> {
  const { wholeMillis, log, modelDirectory } = runTraining(work, {
    algorithm: "factorization-machines",
    hyperparameters: own,
    file: `${path}.pbr`,
    contentType: "application/x-recordio-protobuf",
  });
  const model = join(modelDirectory, "model_algo-1");
  const { loss } = await reference.ask<{ loss: number }>({ do: "quality", path, model });
  rmSync(join(modelDirectory, ".."), { recursive: true });
  const epochs = [...log.matchAll(/"epoch\.time": \{"sum": ([\d.e+]+)/g)].map(([, millis]) => Number(millis));
  if (epochs.length === 0) throw new Error("the training log has no epoch.time");
  return { wholeMillis, epochsMillis: epochs.reduce((a, b) => a + b), loss };
}

function figuresOf(ours: readonly OwnRun[], theirs: readonly Round[], best: number): Figure[] {
  const name = "factorization-machines";
  const whole = median(ours.map((run) => run.wholeMillis));
  const epochs = median(ours.map((run) => run.epochsMillis));
  const loss = median(ours.map((run) => run.loss));
  const millisOf = (of: "readers" | "fits", each: string) =>
    median(theirs.flatMap((round) => round[of][each]?.millis ?? []));
  const last = theirs.at(-1);
  const readers = Object.keys(last?.readers ?? {}).map((each) => ({ name: each, value: millisOf("readers", each) }));
  const fits = Object.entries(last?.fits ?? {}).map(([each, { loss: theirLoss }]) => ({
    name: each,
    value: millisOf("fits", each),
    loss: theirLoss,
  }));
  const reader = readers.reduce((a, b) => (b.value < a.value ? b : a));
  const rival = fits.reduce((a, b) => (b.value < a.value ? b : a));
  return [
    {
      what: `${name}, file to saved model`,
      value: whole / (reader.value + rival.value),
      unit: "x",
      reference: `${rival.name} with the ${reader.name} reader`,
      must: "<= 1",
    },
    {
      what: `${name}, held-out cross entropy`,
      value: loss,
      unit: "",
      reference: `${rival.name} ${rival.loss.toPrecision(6)}; the model behind the data ${best.toPrecision(6)}`,
      must: `<= ${(rival.loss * equal).toPrecision(6)}`,
    },
    { what: `${name}, epochs over fit of ${rival.name}`, value: epochs / rival.value, unit: "x", must: "<= 1.5" },
    { what: `${name}, whole process`, value: whole, unit: "ms" },
    { what: `${name}, epochs, reading included`, value: epochs, unit: "ms" },
    ...readers.map(({ name: each, value }) => ({ what: `${name}, ${each} reader`, value, unit: "ms" })),
    ...fits.map(({ name: each, value, loss: theirLoss }) => ({
      what: `${name}, ${each}, fit`,
      value,
      unit: "ms",
      reference: `cross entropy ${theirLoss.toPrecision(6)}`,
    })),
  ];
}
