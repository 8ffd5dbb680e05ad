import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { saveModel } from "../../packages/algorithms/src/linear-learner/artifact.ts";
import { tarGzOf } from "../../packages/server/src/serving/testkit/tar-builder.ts";

/**
 * A model artifact as linear-learner's training leaves it, a binary classifier with random weights. Random floats do
 * not compress: the archive has four bytes for each feature, and so has the model.
 */
export async function linearModelArchive(features: number): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), "sagebrush-model-"));
  try {
    const weights = new Float32Array(features).map(() => Math.random() - 0.5);
    await saveModel(folder, {
      predictorType: "binary_classifier",
      loss: "logistic",
      threshold: 0,
      linear: { features, outputs: 1, weights, bias: new Float32Array(1) },
    });
    return tarGzOf([{ path: "model_algo-1", content: readFileSync(join(folder, "model_algo-1")) }]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
