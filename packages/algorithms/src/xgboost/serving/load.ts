import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isMainThread } from "node:worker_threads";
import type { Answerer, LoadContext } from "../../job/algorithm.ts";
import { answerer } from "./answer.ts";
import { AnswerThreads } from "./answer-threads.ts";
import { ensembleOf } from "./ensemble.ts";
import { openModel } from "./open-model.ts";

/**
 * Opens the models of a folder: what `fit` wrote, or what a training job of SageMaker's own container wrote.
 * @throws Error saying which file is no model, and why.
 */
export async function load(modelDirectory: string, context: LoadContext): Promise<Answerer> {
  const { library, environment, cpus, log } = context;
  const files = modelFiles(modelDirectory);
  const wantsEnsemble = (environment.SAGEMAKER_INFERENCE_ENSEMBLE ?? "true").toLowerCase() === "true";
  const models = files.map((file) => openModel(join(modelDirectory, file), file, library));
  const used = wantsEnsemble ? models : models.slice(0, 1);
  const ensemble = ensembleOf(used.map(({ scorer }) => scorer));
  const left = used.find(({ leftToLibrary }) => leftToLibrary !== undefined)?.leftToLibrary;
  const how = left === undefined ? "" : ` XGBoost's library scores them, which knows ${left}.`;
  log.info(`${used.length} model(s) of ${ensemble.objective}, ${ensemble.features} features.${how}`);
  const threads = new AnswerThreads(cpus, { modelDirectory, library, environment: { ...environment } });
  // A transform job sends large bodies, and threads can open the model while this one says that it is ready. They load it as
  // this one does, and must have no threads of their own.
  if (isMainThread && (environment.SAGEMAKER_BATCH ?? "").toLowerCase() === "true") threads.start();
  return { ...answerer(ensemble, { environment, cpus }), answerLarge: (request) => threads.answer(request) };
}

function modelFiles(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
  const hidden = files.find((name) => name.startsWith("."));
  if (hidden !== undefined) throw new Error(`the model has the hidden file ${hidden}, and hidden files are no models`);
  if (files.length === 0) {
    throw new Error(
      "the model has no file. Does ModelDataUrl name the model.tar.gz of a training job of this algorithm?",
    );
  }
  return files;
}
