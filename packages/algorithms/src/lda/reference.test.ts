import { expect, test } from "vitest";
import type { Predictor } from "../job/algorithm.ts";
import { csvOf, denseOf } from "../testkit/row-files.ts";
import { loadPredictor, runFit } from "../testkit/run-fit.ts";
import { temporaryDirectory } from "../testkit/temporary-directory.ts";
import { loadModel, saveModel } from "./artifact.ts";
import { reference } from "./fixtures/reference.ts";
import { lda } from "./lda.ts";

const { vocabulary, train, seen, unseen, topics } = reference;
const dense = (documents: typeof train) =>
  documents.map((pairs) => {
    const counts = Array.from({ length: vocabulary }, () => 0);
    for (const [word, count] of pairs) counts[word] = count;
    return counts;
  });

/** Mean log probability of the words that were not seen, under mixtures inferred from those that were. */
function heldOut(predictor: Predictor, beta: Float32Array): number {
  const [column] = predictor.predict(denseOf({ features: dense(seen) })).columns;
  const count = column?.width ?? 0;
  let [likelihood, words] = [0, 0];
  for (const [d, pairs] of unseen.entries()) {
    for (const [word, times] of pairs) {
      let probability = 0;
      for (let k = 0; k < count; k++) {
        probability += (column?.values[d * count + k] as number) * (beta[k * vocabulary + word] as number);
      }
      likelihood += times * Math.log(probability);
      words += times;
    }
  }
  return likelihood / words;
}

// Topics have no order, and other topics may explain as much, so what counts is how likely held-out words are.
test("held-out words of real documents are as likely as under others' topics, within 2 %", async () => {
  const count = Object.values(topics)[0]?.length ?? 0;
  const result = await runFit(lda, {
    given: {
      num_topics: String(count),
      feature_dim: String(vocabulary),
      mini_batch_size: String(train.length),
    },
    channels: { train: { "rows.csv": csvOf({ features: dense(train) }) } },
    contentType: "text/csv;label_size=0",
  });
  const found = await loadModel(result.modelDirectory);
  const ours = heldOut(await result.load(), found.beta);
  for (const [name, rows] of Object.entries(topics)) {
    const directory = temporaryDirectory();
    // Rounded to six digits: no word shall be impossible.
    const beta = Float32Array.from(rows.flat(), (value) => value + 1e-7);
    await saveModel(directory, { alpha: new Float32Array(count).fill(1 / count), beta, vocabulary });
    const theirs = heldOut(await loadPredictor(lda, directory), beta);
    expect(ours / theirs, `${name}: ${theirs}, ours: ${ours}`).toBeLessThan(1.02);
  }
});
