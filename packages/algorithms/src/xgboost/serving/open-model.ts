import { readFileSync } from "node:fs";
import { ModelFileError, UnscoredModelError } from "../scoring/errors.ts";
import { readModel } from "../scoring/format/read-model.ts";
import { type Scorer, scorerOf } from "../scoring/scorer.ts";
import { libraryModel } from "./library-model.ts";

/** An open model, and who scores it. */
interface OpenModel {
  readonly scorer: Scorer;
  /** Why the library scores it, where it does. */
  readonly leftToLibrary?: string;
}

/**
 * Opens a model: what `fit` wrote, or what a training job of SageMaker's own container or Python wrote (JSON, UBJSON or the old
 * binary format). The library is loaded only for a model that is not scored here.
 * @param name - The file's, for errors.
 * @throws Error saying that the file is no model, and why.
 */
export function openModel(path: string, name: string, library: string | undefined): OpenModel {
  const bytes = readFileSync(path);
  refusePickle(bytes, name);
  try {
    return { scorer: scorerOf(readModel(bytes)) };
  } catch (error) {
    if (error instanceof UnscoredModelError) return openByLibrary(path, name, library, error);
    if (!(error instanceof ModelFileError)) throw error;
    throw new Error(`${name} is no model that XGBoost wrote: ${error.message}.`, { cause: error });
  }
}

function openByLibrary(path: string, name: string, library: string | undefined, cause: UnscoredModelError): OpenModel {
  try {
    return { scorer: libraryModel(path, library), leftToLibrary: cause.message };
  } catch (error) {
    throw new Error(
      `${name} has ${cause.message}, which only XGBoost's library may know, and ${(error as Error).message}. A model is opened by the version that wrote it or a later one.`,
      { cause: error },
    );
  }
}

/** A pickle runs whatever code its maker put into it; older containers wrote models so. */
function refusePickle(head: Buffer, name: string): void {
  // Protocols 2 to 5 begin with 0x80 and their number.
  if (head[0] !== 0x80 || (head[1] ?? 0) < 2 || (head[1] ?? 0) > 5) return;
  throw new Error(
    `${name} is a pickled Python object, which is not loaded: it may hold any code. Open it with Python where it was made and save it with booster.save_model("xgboost-model").`,
  );
}
