import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { areaUnderCurve } from "../../packages/algorithms/src/ipinsights/auc.ts";
import { load } from "../../packages/algorithms/src/ipinsights/serving/load.ts";
import { ReferenceProcess, referencePython } from "../support/reference-process.ts";
import { type Figure, median } from "../support/report.ts";
import type { AlgorithmBench } from "./algorithm-bench.ts";
import { runTraining } from "./training.ts";

const folder = join(import.meta.dirname, "ipinsights-reference");
const settings = { dim: 64, layers: 1, epochs: 1, rate: 0.01, size: 10_000 };

interface Round {
  readonly readers: Readonly<Record<string, { readonly millis: number }>>;
  readonly fits: { readonly PyTorch: { readonly millis: number; readonly auc: number } };
}

interface OwnRun {
  readonly wholeMillis: number;
  /** One epoch, reading included. */
  readonly epochMillis: number;
  readonly auc: number;
}

/**
 * IP Insights against the same model in PyTorch: ours is the whole program from spawning the process to its exit, theirs
 * reading by the faster reader, learning and saving in a warm Python. Five pairs for each entity and two vectors.
 */
export const ipInsights: AlgorithmBench = {
  name: "ipinsights",
  async measure({ work, repeats, rows: entities }) {
    const reference = new ReferenceProcess(referencePython("ipinsights", join(folder, "requirements.txt")), [
      join(folder, "reference.py"),
    ]);
    const path = join(work, "ipinsights.csv");
    const vectors = 2 * entities;
    try {
      process.stderr.write(`ipinsights: making ${5 * entities} pairs of ${entities} entities\n`);
      await reference.ask({ do: "generate", pairs: 5 * entities, entities, path });
      const theirs: Round[] = [];
      const ours: OwnRun[] = [];
      for (let repeat = 0; repeat < repeats; repeat++) {
        ours.push(await train(work, path, vectors));
        theirs.push(await reference.ask({ do: "round", path, vectors, ...settings }));
        process.stderr.write(`ipinsights: round ${repeat + 1} of ${repeats}\n`);
      }
      return figuresOf(ours, theirs);
    } finally {
      reference.close();
      for (const ending of ["", ".real", ".made", ".pt"]) rmSync(`${path}${ending}`, { force: true });
    }
  },
};

async function train(work: string, file: string, vectors: number): Promise<OwnRun> {
  const hyperparameters = {
    num_entity_vectors: String(vectors),
    vector_dim: String(settings.dim),
    num_ip_encoder_layers: String(settings.layers),
    epochs: String(settings.epochs),
    learning_rate: String(settings.rate),
    mini_batch_size: String(settings.size),
  };
  const job = { algorithm: "ipinsights", hyperparameters, file, contentType: "text/csv" };
  const { wholeMillis, log, modelDirectory } = runTraining(work, job);
  const model = await load(modelDirectory);
  rmSync(join(modelDirectory, ".."), { recursive: true });
  const productsOf = (ending: string) => {
    const body = readFileSync(`${file}${ending}`);
    const answer = model.answer({ contentType: "text/csv", accept: "application/jsonlines", body });
    return Float32Array.from(String(answer.body).split("\n"), (line) => (JSON.parse(line) as Answer).dot_product);
  };
  const epoch = /"epoch\.time": \{"sum": ([\d.e+]+)/.exec(log)?.[1];
  if (epoch === undefined) throw new Error("the training log has no epoch.time");
  return { wholeMillis, epochMillis: Number(epoch), auc: areaUnderCurve(productsOf(".real"), productsOf(".made")) };
}

interface Answer {
  readonly dot_product: number;
}

function figuresOf(ours: readonly OwnRun[], theirs: readonly Round[]): Figure[] {
  const whole = median(ours.map((run) => run.wholeMillis));
  const epoch = median(ours.map((run) => run.epochMillis));
  const auc = median(ours.map((run) => run.auc));
  const fit = median(theirs.map(({ fits }) => fits.PyTorch.millis));
  const theirAuc = median(theirs.map(({ fits }) => fits.PyTorch.auc));
  const readers = Object.keys(theirs[0]?.readers ?? {}).map((name) => ({
    name,
    millis: median(theirs.map((round) => round.readers[name]?.millis ?? Number.NaN)),
  }));
  const reader = readers.reduce((a, b) => (b.millis < a.millis ? b : a));
  return [
    {
      what: "ipinsights, file to saved model",
      value: whole / (reader.millis + fit),
      unit: "x",
      reference: `PyTorch with the ${reader.name} reader`,
      must: "<= 1",
    },
    // Ours reads as it learns, so that its epoch has both.
    { what: "ipinsights, epoch with reading over fit alone", value: epoch / fit, unit: "x", must: "<= 1.5" },
    {
      what: "ipinsights, area under the curve of held-out pairs",
      value: auc,
      unit: "",
      reference: theirAuc.toPrecision(4),
      must: `>= ${(theirAuc - 0.005).toPrecision(4)}`,
    },
    { what: "ipinsights, whole process", value: whole, unit: "ms" },
    { what: "ipinsights, epoch, reading included", value: epoch, unit: "ms" },
    ...readers.map(({ name, millis }) => ({ what: `ipinsights, ${name} reader`, value: millis, unit: "ms" })),
    { what: "ipinsights, PyTorch, fit and save", value: fit, unit: "ms" },
  ];
}
