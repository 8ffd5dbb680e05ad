import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Answerer, LoadContext } from "../../job/algorithm.ts";
import { Booster } from "../library/booster.ts";
import { XGBoostLibrary } from "../library/library.ts";
import { answerer } from "./answer.ts";
import { type Ensemble, ensembleOf } from "./ensemble.ts";

/**
 * Opens the models of a folder: what `fit` wrote, or what a training job of SageMaker's own container wrote (JSON, UBJSON or
 * the old binary format).
 * @throws Error saying which file is no model, and why.
 */
export async function load(modelDirectory: string, context: LoadContext): Promise<Answerer> {
  const { library: path, environment, cpus, log } = context;
  if (path === undefined) throw new Error("the run does not say where XGBoost's library is");
  const library = new XGBoostLibrary(path);
  const files = modelFiles(modelDirectory);
  const boosters = files.map((file) => openModel(library, join(modelDirectory, file), file));
  const wantsEnsemble = (environment.SAGEMAKER_INFERENCE_ENSEMBLE ?? "true").toLowerCase() === "true";
  const used = wantsEnsemble ? boosters : boosters.slice(0, 1);
  const ensemble: Ensemble = ensembleOf(library, used);
  log.info(
    `XGBoost ${library.version.join(".")}: ${used.length} model(s) of ${ensemble.objective}, ${ensemble.features} features.`,
  );
  return answerer(ensemble, { environment, cpus });
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

function openModel(library: XGBoostLibrary, path: string, name: string): Booster {
  refusePickle(path, name);
  const booster = Booster.create(library);
  try {
    booster.load(path);
  } catch (error) {
    throw new Error(
      `${name} is no model that XGBoost ${library.version.join(".")} can read: ${(error as Error).message}. A model is opened by the version that wrote it or a later one; the old binary format by those before 3.1.`,
      { cause: error },
    );
  }
  // One row costs less than waking another thread; many rows are answered at once by many requests.
  booster.set("nthread", "1");
  return booster;
}

/** A pickle runs whatever code its maker put into it; older containers wrote models so. */
function refusePickle(path: string, name: string): void {
  const head = readFileSync(path).subarray(0, 2);
  // Protocols 2 to 5 begin with 0x80 and their number.
  if (head[0] !== 0x80 || (head[1] ?? 0) < 2 || (head[1] ?? 0) > 5) return;
  throw new Error(
    `${name} is a pickled Python object, which is not loaded: it may hold any code. Open it with Python where it was made and save it with booster.save_model("xgboost-model").`,
  );
}
