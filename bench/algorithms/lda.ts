import { rmSync } from "node:fs";
import { join } from "node:path";
import { loadModel } from "../../packages/algorithms/src/lda/artifact.ts";
import { ReferenceProcess, referencePython } from "../support/reference-process.ts";
import { type Figure, median } from "../support/report.ts";
import type { AlgorithmBench } from "./algorithm-bench.ts";
import { runTraining } from "./training.ts";

const folder = join(import.meta.dirname, "lda-reference");
const topics = 20;
const vocabulary = 10_000;
/** Documents of the 20 newsgroups' training part, per million rows of other tables. */
const documentsPerMillion = 11_314;
/** How much worse, in log likelihood, a model may be and still count as equal. */
const equal = 1.02;

interface Round {
  readonly readers: Readonly<Record<string, { readonly millis: number }>>;
  readonly fits: Readonly<Record<string, { readonly millis: number; readonly pwll: number }>>;
}

interface OwnRun {
  readonly wholeMillis: number;
  readonly fitMillis: number;
  readonly pwll: number;
}

/**
 * LDA against gensim's LdaMulticore and scikit-learn: ours is the whole program from spawning the process to its exit, theirs
 * reading by the faster reader and fitting in a warm Python, on all cores. The likelihood of held-out words is by the same code.
 */
export const lda: AlgorithmBench = {
  name: "lda",
  async measure({ work, repeats, rows }) {
    const reference = new ReferenceProcess(referencePython("lda", join(folder, "requirements.txt")), [
      join(folder, "reference.py"),
    ]);
    const path = join(work, "lda.csv");
    const documents = Math.round((rows * documentsPerMillion) / 1_000_000);
    try {
      process.stderr.write(`lda: making ${documents} x ${vocabulary}\n`);
      await reference.ask({ do: "generate", documents, vocabulary, topics, path });
      const ours: OwnRun[] = [];
      const theirs: Round[] = [];
      const models = ["LdaMulticore, 1 pass", "LdaMulticore, 5 passes", "scikit-learn online", "scikit-learn batch"];
      for (let repeat = 0; repeat < repeats; repeat++) {
        ours.push(await train(work, path, documents, reference));
        theirs.push(await reference.ask({ do: "round", path, topics, models }));
        process.stderr.write(`lda: round ${repeat + 1} of ${repeats}\n`);
      }
      return figuresOf(`lda, ${documents} x ${vocabulary}, ${topics} topics`, ours, theirs);
    } finally {
      reference.close();
      rmSync(path, { force: true });
      rmSync(`${path}.npz`, { force: true });
    }
  },
};

async function train(work: string, file: string, documents: number, reference: ReferenceProcess): Promise<OwnRun> {
  const { wholeMillis, fitMillis, modelDirectory } = runTraining(work, {
    algorithm: "lda",
    hyperparameters: {
      num_topics: String(topics),
      feature_dim: String(vocabulary),
      mini_batch_size: String(documents),
    },
    file,
    contentType: "text/csv;label_size=0",
  });
  const model = await loadModel(modelDirectory);
  rmSync(join(modelDirectory, ".."), { recursive: true });
  const beta = Array.from({ length: topics }, (_, k) => [...model.beta.subarray(k * vocabulary, (k + 1) * vocabulary)]);
  const alpha = [...model.alpha];
  const { pwll } = await reference.ask<{ pwll: number }>({ do: "quality", path: file, beta, alpha });
  return { wholeMillis, fitMillis, pwll };
}

function figuresOf(name: string, ours: readonly OwnRun[], theirs: readonly Round[]): Figure[] {
  const [first] = theirs as [Round];
  const whole = median(ours.map(({ wholeMillis }) => wholeMillis));
  const fit = median(ours.map(({ fitMillis }) => fitMillis));
  const pwll = median(ours.map((run) => run.pwll));
  const readers = Object.keys(first.readers).map((each) => ({
    name: each,
    millis: median(theirs.map(({ readers }) => readers[each]?.millis ?? Number.NaN)),
  }));
  const fits = Object.keys(first.fits).map((each) => ({
    name: each,
    millis: median(theirs.map((round) => round.fits[each]?.millis ?? Number.NaN)),
    pwll: median(theirs.map((round) => round.fits[each]?.pwll ?? Number.NaN)),
  }));
  const fastest = <T extends { readonly millis: number }>(all: readonly T[]) =>
    all.reduce((a, b) => (b.millis < a.millis ? b : a));
  const reader = fastest(readers);
  // A model under which held-out words are less likely than under ours by more than the tolerance has not done the same work.
  const peers = fits.filter((fit) => fit.pwll >= pwll * equal);
  const rival = fastest(peers.length > 0 ? peers : fits);
  const best = Math.max(...fits.map((fit) => fit.pwll));
  return [
    {
      what: `${name}, file to saved model`,
      value: whole / (reader.millis + rival.millis),
      unit: "x",
      reference: `${rival.name} with the ${reader.name} reader${peers.length > 0 ? "" : ", whose topics are worse"}`,
      must: "<= 1",
    },
    { what: `${name}, fit alone`, value: fit / rival.millis, unit: "x", reference: rival.name, must: "<= 1.5" },
    {
      what: `${name}, held-out log likelihood over the best reference's`,
      value: pwll / best,
      unit: "x",
      reference: `${best.toPrecision(5)} a word; ours ${pwll.toPrecision(5)}`,
      must: `<= ${equal}`,
    },
    { what: `${name}, whole process`, value: whole, unit: "ms" },
    { what: `${name}, fit`, value: fit, unit: "ms" },
    ...readers.map((each) => ({ what: `${name}, ${each.name} reader`, value: each.millis, unit: "ms" })),
    ...fits.map((each) => ({
      what: `${name}, ${each.name}, fit`,
      value: each.millis,
      unit: "ms",
      reference: `held-out log likelihood ${each.pwll.toPrecision(5)}`,
    })),
  ];
}
